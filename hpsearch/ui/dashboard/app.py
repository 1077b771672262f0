"""The pages and what they ask for, as one Flask application; `gate` guards it."""

import functools
import mimetypes
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import flask
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, NotFound

from hpsearch.errors import HpsearchError
from hpsearch.storage import Snapshot
from hpsearch.ui import figures
from hpsearch.ui.dashboard import actions as acting
from hpsearch.ui.dashboard import api as wire
from hpsearch.ui.dashboard import trials
from hpsearch.ui.dashboard import warnings as remarks
from hpsearch.ui.dashboard.registry import Registry, UnknownStudyError

_FIGURES: dict[str, Callable[..., dict[str, Any]]] = {
    "tightening": figures.tightening,
    "progress": figures.progress,
    "curves": figures.curves,
    "importance": figures.importance,
    "parallel": figures.parallel,
    "seeds": figures.seeds,
}
_IN_COLUMNS = ("tightening", "seeds")
_COMPARED = 8  # studies in one picture


def make(shelf: Registry, *, allow_control: bool, hands: Executor) -> flask.Flask:
    """The application.

    Args:
        shelf: the run folders to show.
        allow_control: whether a person may act on searches.
        hands: does the acts, one after another.
    """
    app = flask.Flask(
        "hpsearch.ui.dashboard",
        root_path=str(Path(__file__).parent),
        static_folder="assets",
        static_url_path="/assets",
    )
    app.config["shelf"] = shelf
    app.config["allow_control"] = allow_control
    app.config["hands"] = hands
    app.config["kept"] = {}
    app.config["MAX_CONTENT_LENGTH"] = 1 << 16
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_env.globals["allow_control"] = allow_control
    app.register_error_handler(UnknownStudyError, _unknown)
    app.register_error_handler(HpsearchError, _refused)
    app.register_error_handler(HTTPException, _failed)
    _add_pages(app)
    _add_data(app)
    app.add_url_rule("/act/study/<name>", view_func=acting.act, methods=["POST"])
    return app


def _add_pages(app: flask.Flask) -> None:
    def page(template: str) -> Callable[..., str]:
        return functools.partial(_page, template)

    app.add_url_rule("/", "studies", page("studies.html"))
    app.add_url_rule("/study/<name>", "study", page("study.html"))
    app.add_url_rule("/study/<name>/trial/<int:number>", "trial", page("trial.html"))
    app.add_url_rule("/compare", "compare", page("compare.html"))
    app.add_url_rule("/assets/plotly.min.js", "plotly", _plotly)
    # Optuna Dashboard's pages name no icon, so browsers ask for this one.
    app.add_url_rule("/favicon.ico", "icon", lambda: app.send_static_file("icon.svg"))


def _add_data(app: flask.Flask) -> None:
    app.add_url_rule("/data/studies", "studies_data", _studies)
    app.add_url_rule("/data/study/<name>", "study_data", _study)
    app.add_url_rule("/data/study/<name>/remarks", "remarks_data", _remarks)
    app.add_url_rule("/data/study/<name>/figure/<figure>", "figure_data", _figure)
    app.add_url_rule("/data/study/<name>/trial/<int:number>", "trial_data", _trial)
    app.add_url_rule("/data/study/<name>/trial/<int:number>/summary", "summary_data", _summary)
    app.add_url_rule("/data/study/<name>/trial/<int:number>/curves", "curves_data", _curves)
    app.add_url_rule("/data/study/<name>/trial/<int:number>/log", "log_data", _log)
    app.add_url_rule("/data/compare", "compare_data", _compare)
    app.add_url_rule("/data/compare/figure", "compare_figure", _compare_figure)
    app.add_url_rule("/files/study/<name>/trial/<int:number>/<artifact>", "artifact", _artifact)


def _shelf() -> Registry:
    shelf: Registry = flask.current_app.config["shelf"]
    return shelf


def _snapshot(name: str) -> Snapshot:
    return _shelf().snapshot(name)


def _page(template: str, **what: Any) -> str:
    """A page is a shell that asks for its data; whether the study exists is known at once."""
    if "name" in what:
        _shelf().path(what["name"])
    return flask.render_template(template, **what)


def _plotly() -> flask.Response:
    import plotly

    folder = Path(plotly.__file__).parent / "package_data"
    return flask.send_from_directory(folder, "plotly.min.js", max_age=86400)


def _studies() -> ResponseReturnValue:
    listed = []
    for name in _shelf().names():
        try:
            listed.append(wire.listing(name, _snapshot(name)))
        except HpsearchError as error:
            listed.append({"id": name, "name": name, "state": "unreadable", "error": str(error)})
    return {"runs": str(_shelf().runs), "studies": listed}


def _study(name: str) -> ResponseReturnValue:
    since = flask.request.args.get("since", 0, type=int)
    return wire.study(_snapshot(name), since, flask.request.args.get("epoch", ""))


def _remarks(name: str) -> ResponseReturnValue:
    snapshot = _snapshot(name)
    tag = f"{snapshot.epoch}-{snapshot.version}"
    return _tagged((name, "remarks"), tag, lambda: remarks.remarks(snapshot))


def _figure(name: str, figure: str) -> ResponseReturnValue:
    if figure not in _FIGURES:
        raise NotFound(f"{figure}: no such figure (has: {', '.join(_FIGURES)})")
    snapshot, options = _snapshot(name), _columns() if figure in _IN_COLUMNS else {}
    # Only the curves show what runs; the others are the same until a trial begins or ends.
    version = snapshot.version if figure == "curves" else max(snapshot.stamps.values(), default=0)
    tag = f"{snapshot.epoch}-{version}-{options.get('columns')}"
    key = (name, figure, *options.values())
    return _tagged(key, tag, lambda: _FIGURES[figure](snapshot, **options))


def _columns() -> dict[str, int]:
    """Panels side by side, as the page has room for them."""
    return {"columns": min(3, max(1, flask.request.args.get("columns", 2, type=int)))}


def _trial(name: str, number: int) -> ResponseReturnValue:
    return trials.trial(_found(name, number), number)


def _summary(name: str, number: int) -> ResponseReturnValue:
    snapshot = _found(name, number)
    return trials.summary(snapshot, snapshot.trial(number))


def _curves(name: str, number: int) -> ResponseReturnValue:
    return figures.trial_curves(_found(name, number), number, **_columns())


def _log(name: str, number: int) -> ResponseReturnValue:
    snapshot = _found(name, number)
    folder, asked = snapshot.folder(number), flask.request.args
    if (until := asked.get("until", type=int)) is not None:
        return trials.log_before(folder, until)
    grows = snapshot.trial(number).outcome is None
    return trials.log(folder, asked.get("from", type=int), grows=grows)


def _found(name: str, number: int) -> Snapshot:
    """The study, if it has the trial."""
    snapshot = _snapshot(name)
    try:
        snapshot.trial(number)
    except KeyError:
        raise NotFound(f"{name} has no trial {number}") from None
    return snapshot


def _artifact(name: str, number: int, artifact: str) -> ResponseReturnValue:
    folder = _found(name, number).folder(number).artifacts
    if not trials.is_plain(folder / artifact):
        raise NotFound(f"trial {number} has no artifact {artifact}")
    # Also refuses whatever would leave the folder.
    picture = (mimetypes.guess_type(artifact)[0] or "").startswith("image/")
    return flask.send_from_directory(
        folder.absolute(), artifact, max_age=0, as_attachment=not picture
    )


def _compared() -> list[Snapshot]:
    names = list(dict.fromkeys(flask.request.args.getlist("study")))[:_COMPARED]
    return [_snapshot(name) for name in names]


def _compare() -> ResponseReturnValue:
    names = list(dict.fromkeys(flask.request.args.getlist("study")))[:_COMPARED]
    return {"studies": [{"id": name, **wire.head(_snapshot(name))} for name in names]}


def _compare_figure() -> ResponseReturnValue:
    x: Any = flask.request.args.get("x", "trials")
    if x not in ("trials", "steps"):
        raise NotFound("x: must be trials or steps")
    return figures.compare(_compared(), x=x)


def _tagged(key: tuple[Any, ...], tag: str, make: Callable[[], Any]) -> flask.Response:
    """An answer that is not made, and not sent, again while its tag stays the same.

    The last one of each key is kept for the other pages that ask for it.
    """
    response = flask.Response()
    response.set_etag(tag)
    response.headers["Cache-Control"] = "no-cache"
    if flask.request.if_none_match.contains(tag):
        response.status_code = 304
        return response
    kept: dict[tuple[Any, ...], tuple[str, str]] = flask.current_app.config["kept"]
    made = kept.get(key)
    if made is None or made[0] != tag:
        made = kept[key] = tag, flask.json.dumps(make())
    response.data = made[1]
    response.content_type = "application/json"
    return response


def _unknown(error: Exception) -> ResponseReturnValue:
    return _told(str(error), 404)


def _refused(error: Exception) -> ResponseReturnValue:
    return _told(str(error), 409)


def _failed(error: HTTPException) -> ResponseReturnValue:
    return _told(error.description or error.name, error.code or 500)


def _told(message: str, code: int) -> ResponseReturnValue:
    """An error as the asker can use it: a record for the pages' requests, else a page."""
    if flask.request.path.startswith(("/data/", "/act/")):
        return {"error": message}, code
    return flask.render_template("error.html", message=message, code=code), code
