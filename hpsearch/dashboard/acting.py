"""What a person asks of a search from a page: through the same functions as the command line."""

import threading
from typing import Any

import flask
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, Forbidden

from hpsearch import acts

# Two answers at once must not write one request file.
_lock = threading.Lock()


def act(name: str) -> ResponseReturnValue:
    """Do what the posted record says.

    Its keys: act; for some acts trial, rounds, now or text.

    Returns:
        said: a sentence for the person.
    """
    if not flask.current_app.config["allow_control"]:
        raise Forbidden("this dashboard only shows; start it with --allow-control to act")
    asked: Any = flask.request.get_json()
    if not isinstance(asked, dict):
        raise BadRequest('expected a record such as {"act": "pause"}')
    run = flask.current_app.config["shelf"].path(name)
    with _lock:
        match asked:
            case {"act": "pause"}:
                said = acts.pause(run)
            case {"act": "go_on"}:
                said = acts.go_on(run)
            case {"act": "end_after_round"}:
                said = acts.end_after_round(run)
            case {"act": "stop", "now": bool(now)}:
                said = acts.stop(run, now=now)
            case {"act": "cancel", "trial": int(trial)}:
                said = acts.cancel(run, trial)
            case {"act": "add_rounds", "rounds": int(rounds)}:
                said = acts.add_rounds(run, rounds)
            case {"act": "note", "trial": int(trial), "text": str(text)}:
                said = acts.note(run, trial, text)
            case {"act": "again", "trial": int(trial)}:
                said = acts.again(run, trial)
            case _:
                raise BadRequest(f"no such act, or not all that it needs: {sorted(asked)}")
    return {"said": said}
