"""Attacks on the dashboard's access control, as requests that a browser or a script would send."""

import pytest
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Request, Response

from hpsearch.ui.dashboard.auth import LOCAL, AuthMiddleware, Rules

TOKEN = "a-token-of-enough-letters"


@Request.application
def inner(request: Request) -> Response:
    """A request that arrives here was accepted."""
    return Response(f"in: {request.path}", mimetype="text/html")


def ask(rules: Rules, path: str = "/", method: str = "GET", **headers: str) -> TestResponse:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(AuthMiddleware(inner, rules)).open(
        path, method=method, headers={"Host": "127.0.0.1:8080", **fields}
    )


def passed(answer: TestResponse) -> bool:
    return answer.status_code == 200 and answer.text.startswith("in: ")


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST:1", "localhost."]
)
def test_names_of_this_machine_are_accepted(host):
    assert passed(ask(Rules(), Host=host))


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example:8080", "localhost.evil.example", "10.0.0.5:8080", "",
     "[::1", "localhost@evil.example", "evil.example:80@localhost:8080x"],
)  # fmt: skip
def test_other_names_that_resolve_to_this_machine_are_refused(host):
    answer = ask(Rules(), Host=host)
    assert answer.status_code == 403
    assert "does not accept the name" in answer.text


def test_for_other_machines_addresses_are_accepted_and_foreign_names_refused():
    rules = Rules(LOCAL | {"gpu-box"}, addresses=True)
    assert passed(ask(rules, Host="10.0.0.5:8080"))
    assert passed(ask(rules, Host="gpu-box:8080"))
    assert not passed(ask(rules, Host="evil.example:8080"))


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "POST", "OPTIONS", "TRACE", "FOO"])
@pytest.mark.parametrize("path", ["/api/studies/1", "/api/trials/1/tell", "/", "/data/studies"])
def test_only_actions_accept_other_methods_than_get(method, path):
    answer = ask(Rules(), path, method, Origin="http://127.0.0.1:8080")
    assert answer.status_code == 403
    assert "read-only" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8080.evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {},
    ],
)
def test_a_post_from_another_site_is_refused(headers):
    answer = ask(Rules(), "/act/study/s", "POST", **headers)
    assert answer.status_code == 403
    assert answer.text == "pages of other sites must not do this\n"


def test_a_post_from_an_own_page_is_accepted():
    assert passed(ask(Rules(), "/act/study/s", "POST", Origin="http://127.0.0.1:8080"))
    assert passed(ask(Rules(), "/act/study/s", "POST", Sec_Fetch_Site="same-origin"))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_may_link_to_a_page_but_load_nothing(site):
    assert passed(ask(Rules(), Sec_Fetch_Site=site, Sec_Fetch_Dest="document"))
    for destination in ("image", "script", "iframe", "empty"):
        assert not passed(ask(Rules(), Sec_Fetch_Site=site, Sec_Fetch_Dest=destination))


@pytest.mark.parametrize(
    "path", ["/", "/study/s", "/data/studies", "/api/studies", "/dashboard", "/files/study/s/x"]
)
def test_without_the_token_nothing_is_shown(path):
    answer = ask(Rules(token=TOKEN), path)
    assert answer.status_code == 401
    assert "in: " not in answer.text


def test_the_link_with_the_token_opens_a_session_and_redirects_without_it():
    client = Client(AuthMiddleware(inner, Rules(token=TOKEN)))
    host = {"Host": "localhost"}
    answer = client.get(f"/study/s?a=1&token={TOKEN}&a=2", headers=host)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/study/s?a=2"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    assert passed(client.get("/study/s", headers=host))


def test_the_login_form_opens_a_session():
    client = Client(AuthMiddleware(inner, Rules(token=TOKEN)))
    headers = {"Host": "localhost", "Origin": "http://localhost"}
    assert client.post("/login", data={"token": "wrong"}, headers=headers).status_code == 401
    assert not passed(client.get("/", headers={"Host": "localhost"}))
    assert client.post("/login", data={"token": TOKEN}, headers=headers).status_code == 303
    assert passed(client.get("/", headers={"Host": "localhost"}))


@pytest.mark.parametrize(
    "given", ["", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "ünïcode", "\x00"]
)
def test_a_wrong_token_opens_nothing(given):
    rules = Rules(token=TOKEN)
    assert ask(rules, f"/?token={given}").status_code == 401
    assert ask(rules, Cookie=f"hpsearch_80={given.encode().hex()}").status_code == 401


def test_a_bearer_token_is_accepted():
    assert passed(ask(Rules(token=TOKEN), Authorization=f"Bearer {TOKEN}"))
    assert not passed(ask(Rules(token=TOKEN), Authorization="Bearer wrong"))
    assert not passed(ask(Rules(token=TOKEN), Authorization=f"Basic {TOKEN}"))


def test_a_link_with_a_token_redirects_only_to_this_server():
    answer = ask(Rules(token=TOKEN), f"//evil.example/?token={TOKEN}")
    assert not answer.headers.get("Location", "/").startswith("//")


def test_every_answer_has_the_security_headers():
    headers = ask(Rules()).headers
    assert "default-src 'none'; script-src 'self';" in headers["Content-Security-Policy"]
    assert "unsafe-eval" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in headers
    files = ask(Rules(), "/files/study/s/trial/0/x.svg").headers
    assert files["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
