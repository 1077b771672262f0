"""The dashboard's own pages and the data that they request, as one Flask application."""

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
from hpsearch.ui.dashboard import actions, api, trials
from hpsearch.ui.dashboard.registry import Registry, UnknownStudyError
from hpsearch.ui.dashboard.warnings import warnings

_FIGURES: dict[str, Callable[..., figures.Figure]] = {
    figure.__name__: figure
    for figure in (
        figures.tightening, figures.progress, figures.curves, figures.importance,
        figures.parallel, figures.seeds,
    )
}  # fmt: skip
_WITH_COLUMNS = ("tightening", "seeds")
_MAX_COMPARED = 8  # studies in one comparison


def make(registry: Registry, *, allow_control: bool, action_thread: Executor) -> flask.Flask:
    """The application; `action_thread` performs the actions, one at a time."""
    app = flask.Flask(
        "hpsearch.ui.dashboard",
        root_path=str(Path(__file__).parent),
        static_folder="assets",
        static_url_path="/assets",
    )
    app.config.update(
        registry=registry,
        allow_control=allow_control,
        action_thread=action_thread,
        answers={},
        MAX_CONTENT_LENGTH=1 << 16,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_env.globals["allow_control"] = allow_control
    app.register_error_handler(UnknownStudyError, lambda error: _error(str(error), 404))
    app.register_error_handler(HpsearchError, lambda error: _error(str(error), 409))
    app.register_error_handler(
        HTTPException, lambda error: _error(error.description or error.name, error.code or 500)
    )
    for endpoint, rule in _PAGES.items():
        app.add_url_rule(rule, endpoint, functools.partial(_page, f"{endpoint}.html"))
    for rule, view in _DATA.items():
        app.add_url_rule(rule, view_func=view)
    app.add_url_rule("/act/study/<name>", view_func=actions.act, methods=["POST"])
    # Optuna Dashboard's pages name no icon, so browsers request this one.
    app.add_url_rule("/favicon.ico", "icon", lambda: app.send_static_file("icon.svg"))
    return app


def _registry() -> Registry:
    registry: Registry = flask.current_app.config["registry"]
    return registry


def _page(template: str, **context: Any) -> str:
    """A page without data, which its script requests; raises UnknownStudyError for no study."""
    if "name" in context:
        _registry().path(context["name"])
    return flask.render_template(template, **context)


def _plotly() -> flask.Response:
    import plotly

    folder = Path(plotly.__file__).parent / "package_data"
    return flask.send_from_directory(folder, "plotly.min.js", max_age=86400)


def _studies() -> ResponseReturnValue:
    rows = []
    for name in _registry().names():
        try:
            rows.append(api.study_row(name, _registry().snapshot(name)))
        except HpsearchError as error:
            rows.append({"id": name, "name": name, "state": "unreadable", "error": str(error)})
    return {"runs": str(_registry().runs), "studies": rows}


def _study(name: str) -> ResponseReturnValue:
    since = flask.request.args.get("since", 0, type=int)
    epoch = flask.request.args.get("epoch", "")
    return api.study(_registry().snapshot(name), since, epoch)


def _warnings(name: str) -> ResponseReturnValue:
    snapshot = _registry().snapshot(name)
    tag = f"{snapshot.epoch}-{snapshot.version}"
    return _cached((name, "warnings"), tag, lambda: warnings(snapshot))


def _figure(name: str, figure: str) -> ResponseReturnValue:
    if figure not in _FIGURES:
        raise NotFound(f"{figure}: no such figure (has: {', '.join(_FIGURES)})")
    snapshot = _registry().snapshot(name)
    options = _columns() if figure in _WITH_COLUMNS else {}
    # Only the curves show running trials; the others change when a trial begins or ends.
    version = snapshot.version if figure == "curves" else max(snapshot.stamps.values(), default=0)
    tag = f"{snapshot.epoch}-{version}-{options.get('columns')}"
    key = (name, figure, *options.values())
    return _cached(key, tag, lambda: _FIGURES[figure](snapshot, **options))


def _columns() -> dict[str, int]:
    """The number of panels side by side, from the request."""
    return {"columns": min(3, max(1, flask.request.args.get("columns", 2, type=int)))}


def _trial(name: str, number: int) -> ResponseReturnValue:
    return trials.trial(_snapshot_with(name, number), number)


def _summary(name: str, number: int) -> ResponseReturnValue:
    snapshot = _snapshot_with(name, number)
    return trials.summary(snapshot, snapshot.trial(number))


def _curves(name: str, number: int) -> ResponseReturnValue:
    return figures.trial_curves(_snapshot_with(name, number), number, **_columns())


def _log(name: str, number: int) -> ResponseReturnValue:
    snapshot, query = _snapshot_with(name, number), flask.request.args
    return trials.log(
        snapshot.folder(number),
        start=query.get("from", type=int),
        until=query.get("until", type=int),
        growing=snapshot.trial(number).outcome is None,
    )


def _snapshot_with(name: str, number: int) -> Snapshot:
    """The study's state; raises NotFound if it has no such trial."""
    snapshot = _registry().snapshot(name)
    try:
        snapshot.trial(number)
    except KeyError:
        raise NotFound(f"{name} has no trial {number}") from None
    return snapshot


def _artifact(name: str, number: int, artifact: str) -> ResponseReturnValue:
    folder = _snapshot_with(name, number).folder(number).artifacts
    if not trials.is_regular(folder / artifact):
        raise NotFound(f"trial {number} has no artifact {artifact}")
    is_image = (mimetypes.guess_type(artifact)[0] or "").startswith("image/")
    # It also refuses paths that leave the folder.
    return flask.send_from_directory(
        folder.absolute(), artifact, max_age=0, as_attachment=not is_image
    )


def _compared() -> dict[str, Snapshot]:
    names = list(dict.fromkeys(flask.request.args.getlist("study")))[:_MAX_COMPARED]
    return {name: _registry().snapshot(name) for name in names}


def _comparison() -> ResponseReturnValue:
    return {"studies": [{"id": name, **api.head(s)} for name, s in _compared().items()]}


def _comparison_figure() -> ResponseReturnValue:
    x: Any = flask.request.args.get("x", "trials")
    if x not in ("trials", "steps"):
        raise NotFound("x: must be trials or steps")
    return figures.compare(list(_compared().values()), x=x)


_PAGES = {
    "studies": "/",
    "study": "/study/<name>",
    "trial": "/study/<name>/trial/<int:number>",
    "compare": "/compare",
}
_DATA: dict[str, Callable[..., ResponseReturnValue]] = {
    "/assets/plotly.min.js": _plotly,
    "/data/studies": _studies,
    "/data/study/<name>": _study,
    "/data/study/<name>/warnings": _warnings,
    "/data/study/<name>/figure/<figure>": _figure,
    "/data/study/<name>/trial/<int:number>": _trial,
    "/data/study/<name>/trial/<int:number>/summary": _summary,
    "/data/study/<name>/trial/<int:number>/curves": _curves,
    "/data/study/<name>/trial/<int:number>/log": _log,
    "/data/compare": _comparison,
    "/data/compare/figure": _comparison_figure,
    "/files/study/<name>/trial/<int:number>/<artifact>": _artifact,
}


def _cached(key: tuple[Any, ...], tag: str, make: Callable[[], Any]) -> flask.Response:
    """An answer with an ETag, computed and sent only if the tag has changed.

    The last answer of each key is cached for other pages that request it.
    """
    response = flask.Response()
    response.set_etag(tag)
    response.headers["Cache-Control"] = "no-cache"
    if flask.request.if_none_match.contains(tag):
        response.status_code = 304
        return response
    answers: dict[tuple[Any, ...], tuple[str, str]] = flask.current_app.config["answers"]
    answer = answers.get(key)
    if answer is None or answer[0] != tag:
        answer = answers[key] = tag, flask.json.dumps(make())
    response.data = answer[1]
    response.content_type = "application/json"
    return response


def _error(message: str, code: int) -> ResponseReturnValue:
    """JSON for requests of scripts, else a page."""
    if flask.request.path.startswith(("/data/", "/act/")):
        return {"error": message}, code
    return flask.render_template("error.html", message=message, code=code), code
