"""Who may ask the dashboard for what; everything it serves, Optuna's pages too, passes here.

- The Host must be a name of this machine, or a page elsewhere could reach the dashboard through a
  name of its own that it points here (DNS rebinding).
- Beyond this machine, a token: in the link once, then as a cookie.
- A request that changes something must come from a page of ours (Origin), and there are only the
  acts; other methods are closed, those of Optuna Dashboard's own API among them.
- Other sites' pages may link here, but not load anything from here.
"""

import hashlib
import hmac
import ipaddress
import re
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request, Response

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?")

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
SHORTEST_TOKEN = 16

# Plotly puts its style rules into an empty <style> (the first hash is that of no text), styles into
# attributes, and at its start a <style> of MapLibre's, which no figure of ours uses (the second, of
# Plotly 7.1; with another there is an error in the browser's console, and nothing else).
# Everything else comes from our own files.
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' "
    "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='; "
    "style-src-attr 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# A trial's files are a stranger's: an SVG of theirs runs nothing and reaches nothing.
_FILES_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_LOGIN = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>hpsearch: token</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/assets/login.css"></head>
<body><main><h1>hpsearch</h1>
<p>This dashboard is for whoever has its token, which the terminal that started it shows.</p>
<form method="post" action="/login"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Open</button></form></main></body></html>
"""


@dataclass(frozen=True)
class Rules:
    """What a gate lets through.

    Attributes:
        hosts: names, in lower case, that this dashboard goes by.
        addresses: whether it goes by any IP address, too; a name cannot be one.
        token: without which nothing but the login page is shown; None for none.
    """

    hosts: frozenset[str] = LOCAL
    addresses: bool = False
    token: str | None = None


class Gate:
    """The dashboard's applications behind the rules.

    Args:
        inner: what is guarded.
        rules: for it.
    """

    def __init__(self, inner: Application, rules: Rules) -> None:
        self._inner = inner
        self._rules = rules

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)

        def start_guarded(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start(status, _with_headers(request.path, headers), *rest)

        answer = self._refusal(request) or self._login(request)
        if answer is None and not self._has_token(request):
            answer = _ask_for_token(request)
        return (answer or self._inner)(environ, start_guarded)

    def _refusal(self, request: Request) -> Response | None:
        """Why the request goes no further; None if it does."""
        if not self._is_ours(_name(request.environ.get("HTTP_HOST", ""))):
            return _refuse(
                "this dashboard does not go by the name in the address; open it by the address "
                "that it printed, or start it with --allow-host NAME"
            )
        if request.method in ("GET", "HEAD"):
            if _is_loaded_elsewhere(request):
                return _refuse("another site's page may not load this")
            return None
        if request.method != "POST" or not request.path.startswith(("/act/", "/login")):
            return _refuse("this is read-only: what can be done is done on hpsearch's own pages")
        if not _is_from_our_page(request):
            return _refuse("another site's page may not do this")
        return None

    def _is_ours(self, name: str) -> bool:
        if name in self._rules.hosts:
            return True
        return self._rules.addresses and _is_address(name)

    def _login(self, request: Request) -> Response | None:
        """Take a token out of a link or the form, and keep it as a cookie."""
        token = self._rules.token
        given = request.form.get("token") if request.method == "POST" else None
        if request.path == "/login":
            if token is None or request.method != "POST":
                return _redirect("/")
        elif request.method == "GET" and "token" in request.args and token is not None:
            given = request.args["token"]
        else:
            return None
        if not _same(given or "", token):
            return _ask_for_token(request)
        rest = {k: v for k, v in request.args.items(multi=True) if k != "token"}
        query = f"?{urllib.parse.urlencode(rest)}" if rest else ""
        path = "/" if request.path == "/login" else urllib.parse.quote(request.path)
        answer = _redirect("/" + path.lstrip("/") + query)
        answer.set_cookie(
            _cookie_name(request), _session(token), httponly=True, samesite="Strict", path="/"
        )
        return answer

    def _has_token(self, request: Request) -> bool:
        token = self._rules.token
        if token is None or request.path == "/assets/login.css":
            return True
        if _same(request.cookies.get(_cookie_name(request), ""), _session(token)):
            return True
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        return kind.lower() == "bearer" and _same(given, token)


def _is_from_our_page(request: Request) -> bool:
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site") == "same-origin"
    return urllib.parse.urlsplit(origin).netloc.lower() == request.host.lower()


def _is_loaded_elsewhere(request: Request) -> bool:
    """Whether a page of another site, or of another port, asks in the background."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    followed = request.headers.get("Sec-Fetch-Dest") == "document"
    return site in ("cross-site", "same-site") and not followed


def _name(host: str) -> str:
    """The name in a Host header, without its port; "" if it is malformed."""
    found = _HOST.fullmatch(host)
    return "" if found is None else (found[1] or found[2]).rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _session(token: str) -> str:
    """What the cookie holds: it cannot be turned back into the token."""
    return hmac.new(token.encode(), b"hpsearch dashboard session", hashlib.sha256).hexdigest()


def _cookie_name(request: Request) -> str:
    """Cookies know no ports, and a machine may serve several dashboards."""
    return f"hpsearch_{request.environ.get('SERVER_PORT', '')}"


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _refuse(why: str) -> Response:
    return Response(f"{why}\n", status=403, mimetype="text/plain")


def _redirect(where: str) -> Response:
    return Response(status=303, headers={"Location": where})


def _ask_for_token(request: Request) -> Response:
    if request.path.startswith(("/data/", "/act/", "/api/")):
        return Response("the token is missing or wrong\n", status=401, mimetype="text/plain")
    return Response(_LOGIN, status=401, mimetype="text/html")


def _with_headers(path: str, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    has = {name.lower() for name, _ in headers}
    policy = _FILES_POLICY if path.startswith("/files/") else _POLICY
    extra = _HEADERS | {"Content-Security-Policy": policy}
    if path.startswith("/data/"):
        extra["Cache-Control"] = "no-store"
    return headers + [(name, value) for name, value in extra.items() if name.lower() not in has]
