"""Access control: WSGI middleware in front of all pages, including Optuna Dashboard's.

- The Host header must name this machine; else a page of another site could reach the dashboard by
  a name that resolves to this machine (DNS rebinding).
- A dashboard that other machines can reach requires a token: once in the link, then as a cookie.
- Only actions may be posted, and only from the dashboard's own pages (Origin). Everything else,
  including Optuna Dashboard's API, is read-only.
- Pages of other sites may link to the dashboard but not load anything from it.
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

# Plotly inserts an empty <style> (the first hash is that of the empty text), style attributes, and
# on start MapLibre's <style> (the second hash, of Plotly 7.1), which no figure here uses: with a
# wrong hash the browser's console shows an error, without further effect.
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' "
    "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='; "
    "style-src-attr 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# A trial's files are not trusted: an SVG runs no script and loads nothing.
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
<p>This dashboard needs a token. The terminal in which it was started shows it.</p>
<form method="post" action="/login"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Open</button></form></main></body></html>
"""


@dataclass(frozen=True)
class Rules:
    """Which requests are accepted.

    Attributes:
        hosts: accepted names in the Host header, in lower case.
        addresses: whether the Host header may also be any IP address.
        token: required to see anything but the login page; None if no token is required.
    """

    hosts: frozenset[str] = LOCAL
    addresses: bool = False
    token: str | None = None


class AuthMiddleware:
    """Passes the requests that the rules accept to an application; adds security headers."""

    def __init__(self, application: Application, rules: Rules) -> None:
        self._application = application
        self._rules = rules

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)

        def start_with_headers(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start(status, _with_headers(request.path, headers), *rest)

        answer = self._refusal(request) or self._login(request)
        if answer is None and not self._has_token(request):
            answer = _ask_for_token(request)
        return (answer or self._application)(environ, start_with_headers)

    def _refusal(self, request: Request) -> Response | None:
        """The answer to a request that is refused; None if it is accepted."""
        if not self._accepts(_name(request.environ.get("HTTP_HOST", ""))):
            return _refuse(
                "this dashboard does not accept the name in the address; open the address that it "
                "printed, or start it with --allow-host NAME"
            )
        if request.method in ("GET", "HEAD"):
            if _is_loaded_by_other_site(request):
                return _refuse("pages of other sites must not load this")
            return None
        if request.method != "POST" or not request.path.startswith(("/act/", "/login")):
            return _refuse("this is read-only; only hpsearch's own pages can act on searches")
        if not _is_from_own_page(request):
            return _refuse("pages of other sites must not do this")
        return None

    def _accepts(self, name: str) -> bool:
        return name in self._rules.hosts or (self._rules.addresses and _is_address(name))

    def _login(self, request: Request) -> Response | None:
        """Take the token from a link or the login form, and set it as a cookie."""
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


def _is_from_own_page(request: Request) -> bool:
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site") == "same-origin"
    return urllib.parse.urlsplit(origin).netloc.lower() == request.host.lower()


def _is_loaded_by_other_site(request: Request) -> bool:
    """Whether a page of another site or port loads this, rather than linking to it."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    is_link = request.headers.get("Sec-Fetch-Dest") == "document"
    return site in ("cross-site", "same-site") and not is_link


def _name(host: str) -> str:
    """The name in a Host header, without its port; "" if it is malformed."""
    match = _HOST.fullmatch(host)
    return "" if match is None else (match[1] or match[2]).rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _session(token: str) -> str:
    """The cookie's value, from which the token cannot be derived."""
    return hmac.new(token.encode(), b"hpsearch dashboard session", hashlib.sha256).hexdigest()


def _cookie_name(request: Request) -> str:
    """Cookies are shared by all ports of a machine, which may serve several dashboards."""
    return f"hpsearch_{request.environ.get('SERVER_PORT', '')}"


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _refuse(reason: str) -> Response:
    return Response(f"{reason}\n", status=403, mimetype="text/plain")


def _redirect(location: str) -> Response:
    return Response(status=303, headers={"Location": location})


def _ask_for_token(request: Request) -> Response:
    if request.path.startswith(("/data/", "/act/", "/api/")):
        return Response("the token is missing or wrong\n", status=401, mimetype="text/plain")
    return Response(_LOGIN, status=401, mimetype="text/html")


def _with_headers(path: str, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    present = {name.lower() for name, _ in headers}
    policy = _FILES_POLICY if path.startswith("/files/") else _POLICY
    extra = _HEADERS | {"Content-Security-Policy": policy}
    if path.startswith("/data/"):
        extra["Cache-Control"] = "no-store"
    return headers + [(name, value) for name, value in extra.items() if name.lower() not in present]
