"""Actions on a search that a page requests, by the same functions as the command line's."""

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
    """Perform the action that the posted record describes.

    The record has the key `act` and, for some actions, trial, rounds, now or text.

    Returns:
        message: a sentence to show.
    """
    config = flask.current_app.config
    if not config["allow_control"]:
        raise Forbidden("this dashboard is read-only; start it with --allow-control to act")
    record: Any = flask.request.get_json()
    # One thread performs all actions, so that no two of them write the same request file.
    action = config["action_thread"].submit(_perform, config["registry"].path(name), record)
    return {"message": action.result()}


def _perform(run: Path, record: Any) -> str:
    match record:
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
    raise BadRequest("unknown action, or one of its arguments is missing or has the wrong type")
