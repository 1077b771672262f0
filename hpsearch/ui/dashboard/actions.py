"""Control of a search from a page, through the same functions as the command line."""

from pathlib import Path
from typing import Any

import flask
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, Forbidden

from hpsearch.controller import (
    extend_search,
    finish_after_round,
    pause_search,
    rerun_trial,
    resume_search,
    stop_search,
    stop_trial,
    write_note,
)


def act(name: str) -> ResponseReturnValue:
    """Perform the act of the posted record.

    Its keys are `act` and, for some acts, `trial`, `rounds`, `now` or `text`.

    Returns:
        A record whose `said` is a sentence for the user.
    """
    config = flask.current_app.config
    if not config["allow_control"]:
        raise Forbidden("this dashboard only shows; start it with --allow-control to act")
    asked: Any = flask.request.get_json()
    # Two at once must not write one request file.
    said: str = config["hands"].submit(_do, config["shelf"].path(name), asked).result()
    return {"said": said}


def _do(run: Path, asked: Any) -> str:
    match asked:
        case {"act": "pause"}:
            return pause_search(run)
        case {"act": "resume"}:
            return resume_search(run)
        case {"act": "finish"}:
            return finish_after_round(run)
        case {"act": "stop", "now": bool(now)}:
            return stop_search(run, now=now)
        case {"act": "stop_trial", "trial": int(trial)}:
            return stop_trial(run, trial)
        case {"act": "add_rounds", "rounds": int(rounds)}:
            return extend_search(run, rounds)
        case {"act": "note", "trial": int(trial), "text": str(text)}:
            return write_note(run, trial, text)
        case {"act": "rerun", "trial": int(trial)}:
            return rerun_trial(run, trial)
    raise BadRequest("no such act, or not all that it needs")
