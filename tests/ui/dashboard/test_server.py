"""The dashboard over HTTP: its answers, and what it refuses."""

import http.client
import shutil
import sqlite3

import pytest
from searches import until
from served import serving

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def ask(finished):
    """A dashboard of the finished small search."""
    with serving(finished.runs) as asker:
        yield asker


@pytest.fixture
def control(held):
    """A dashboard that may act on the held search, which is at work."""
    controller = held.start_held()
    with serving(held.runs, allow_control=True) as asker:
        yield asker
    (held.folder / "hold").unlink(missing_ok=True)
    held.end(controller)


def hashes(search):
    """Every file of a run folder, byte by byte, but for what a reader of SQLite may leave."""
    files = [p for p in search.run.path.rglob("*") if p.is_file() and "study.db-" not in p.name]
    return {path: path.read_bytes() for path in files}


def test_it_lists_the_studies(ask):
    [study] = ask("/data/studies").record["studies"]
    assert (study["id"], study["state"], study["done"], study["total"]) == ("s", "finished", 10, 10)
    assert study["winner"]["confirmed"]["count"] == 2


def test_an_unchanged_study_is_sent_once(ask):
    first = ask("/data/study/s").record
    assert len(first["trials"]) == 10
    assert len(first["rounds"]) == 2
    again = ask(f"/data/study/s?epoch={first['epoch']}&since={first['version']}").record
    assert again["same"] is True
    other = ask(f"/data/study/s?epoch=another&since={first['version']}").record
    assert len(other["trials"]) == 10


def test_changes_of_a_running_search_are_sent(held):
    controller = held.start_held()
    with serving(held.runs) as ask:
        before = ask("/data/study/s").record
        assert before["head"]["state"] == "running"
        assert [trial["number"] for trial in before["running"]] == [0, 1]
        held.release()
        assert held.end(controller) == (0, "")
        since = f"?epoch={before['epoch']}&since={before['version']}"
        until(
            lambda: ask("/data/study/s" + since).record.get("head", {}).get("state") == "finished",
            "the page is told of the end",
        )
        after = ask("/data/study/s" + since).record
    assert {row[0] for row in after["trials"]} == set(range(10))


@pytest.mark.parametrize(
    "figure", ["tightening", "progress", "curves", "importance", "parallel", "seeds"]
)
def test_an_unchanged_figure_is_sent_once(ask, figure):
    answer = ask(f"/data/study/s/figure/{figure}")
    assert set(answer.record) >= {"data", "layout"}
    again = ask(f"/data/study/s/figure/{figure}", If_None_Match=answer.headers["etag"])
    assert (again.status, again.body) == (304, b"")


def test_a_trials_record_has_its_parent_and_a_command(ask, finished):
    rows = ask("/data/study/s").record["trials"]
    number = next(row[0] for row in rows if row[3] == "continue")
    trial = ask(f"/data/study/s/trial/{number}").record
    assert trial["params"][0]["parent"] == trial["params"][0]["value"]
    assert trial["parent"] is not None
    command = trial["command"].split()
    assert command == ["hpsearch", "replay", str(finished.run.path), str(number)]
    assert ask(f"/data/study/s/trial/{number}/curves").record["data"]


@pytest.mark.parametrize(
    "path", ["/study/none", "/data/study/none", "/data/study/s/trial/99", "/study/s/trial/x",
             "/data/study/s/figure/none", "/nothing"],
)  # fmt: skip
def test_unknown_names_give_404(ask, path):
    assert ask(path).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/files/study/s/trial/0/../spec.json",
        "/files/study/s/trial/0/%2e%2e/spec.json",
        "/files/study/s/trial/0/..%2fspec.json",
        "/files/study/s/trial/0/..%5cspec.json",
        "/files/study/s/trial/0//etc/passwd",
        "/files/study/s/trial/0/%2fetc%2fpasswd",
        "/files/study/s/trial/0/link.png",
        "/files/study/s/trial/0/.hidden.png",
        "/files/study/../trial/0/kept.png",
        "/files/study/..%2fs/trial/0/kept.png",
        "/assets/../app.py",
        "/assets/%2e%2e/app.py",
        "/study/..%2f..%2fetc",
        "/data/study/%2e%2e",
        "/static/..%2f..%2f_app.py",
        "/static/%2e%2e/_app.py",
    ],
)
def test_no_path_leaves_its_folder(ask, finished, path):
    artifacts = finished.trial(0).artifacts
    artifacts.mkdir(exist_ok=True)
    (artifacts / "kept.png").write_bytes(b"kept")
    (artifacts / ".hidden.png").write_bytes(b"a secret")
    (artifacts / "link.png").symlink_to("/etc/passwd")
    assert ask("/files/study/s/trial/0/kept.png").body == b"kept"
    answer = ask(path)
    assert answer.status in (403, 404), answer
    for secret in (b"root:", b"a secret", b'"seed"', b"import "):
        assert secret not in answer.body


def test_an_svg_of_a_trial_is_sandboxed_and_other_files_are_downloads(ask, finished):
    artifacts = finished.trial(0).artifacts
    artifacts.mkdir(exist_ok=True)
    (artifacts / "x.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>")
    (artifacts / "x.html").write_text("<script>alert(1)</script>")
    for name in ("x.svg", "x.html"):
        answer = ask(f"/files/study/s/trial/0/{name}")
        assert answer.headers["content-security-policy"].startswith("sandbox;")
        assert answer.headers["x-content-type-options"] == "nosniff"
        is_download = answer.headers["content-disposition"].startswith("attachment")
        assert is_download == (name == "x.html")


def test_escape_codes_are_removed_from_a_log(ask, finished):
    log = finished.trial(0).log
    log.write_bytes(
        b"\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\\n"
        b" 10%\r 50%\r100%\nbell\x07 nul\x00 \xff " + HOSTILE.encode() + b"\n"
    )
    answer = ask("/data/study/s/trial/0/log")
    assert answer.record["text"] == f"red link\n100%\nbell nul � {HOSTILE}\n"
    assert answer.headers["content-type"] == "application/json"


def test_a_log_is_read_on_from_a_byte(ask, finished):
    finished.trial(0).log.write_text("one\ntwo\n")
    first = ask("/data/study/s/trial/0/log").record
    with finished.trial(0).log.open("a") as log:
        log.write("three\n")
    then = ask(f"/data/study/s/trial/0/log?from={first['next']}").record
    assert (first["text"], then["text"]) == ("one\ntwo\n", "three\n")


def test_a_long_log_is_read_from_its_end(ask, finished):
    finished.trial(0).log.write_text("".join(f"line {i}\n" for i in range(100_000)))
    answer = ask("/data/study/s/trial/0/log").record
    assert answer["text"].endswith("line 99999\n")
    assert len(answer["text"]) <= 65536
    assert answer["from"] > 0


def test_a_hostile_name_is_text_everywhere(finished):
    hostile = finished.runs / "<img src=x onerror=alert(1)>"
    finished.run.path.rename(hostile)
    with sqlite3.connect(hostile / "study.db") as database:
        database.execute("UPDATE studies SET study_name = ?", [HOSTILE])
    database.close()
    with serving(finished.runs) as ask:
        [study] = ask("/data/studies").record["studies"]
        assert (study["id"], study["name"]) == (hostile.name, HOSTILE)
        quoted = "/study/%3Cimg%20src=x%20onerror=alert(1)%3E"
        for path in ("/", quoted, f"{quoted}/trial/0", f"/compare?study={HOSTILE}"):
            answer = ask(path.replace(" ", "%20"))
            assert "<script>alert" not in answer.text
            assert "<img src=x" not in answer.text


def test_the_list_says_why_a_study_cannot_be_read(finished):
    broken = finished.runs / "broken"
    shutil.copytree(finished.run.path, broken)
    (broken / "study.db").write_bytes(b"not a database at all" * 100)
    with serving(finished.runs) as ask:
        states = {s["id"]: s["state"] for s in ask("/data/studies").record["studies"]}
        assert states == {"broken": "unreadable", "s": "finished"}
        assert ask("/data/study/broken").status == 409


def test_a_foreign_host_name_is_refused(ask):
    for path in ("/", "/data/studies", "/dashboard", "/api/studies"):
        assert ask(path, Host="evil.example").status == 403


def test_optuna_dashboard_shows_the_studies_and_deletes_nothing(ask, finished):
    [study] = ask("/api/studies").record["study_summaries"]
    assert study["study_name"] == "s"
    number = study["study_id"]
    detail = ask(f"/api/studies/{number}").record
    assert len(detail["trials"]) == 10
    assert ask("/dashboard").status == 200
    assert ask(f"/dashboard/studies/{number}").status == 200
    assert ask("/static/bundle.js").status == 200
    before = hashes(finished)
    for method, path in [
        ("DELETE", f"/api/studies/{number}"),
        ("POST", "/api/studies"),
        ("POST", f"/api/studies/{number}/rename"),
        ("PUT", f"/api/studies/{number}/note"),
        ("POST", f"/api/trials/{detail['trials'][0]['trial_id']}/tell"),
    ]:
        for headers in ({}, {"Origin": ask.url}, {"Origin": "http://evil.example"}):
            assert ask(path, method, {}, **headers).status == 403
    assert hashes(finished) == before


def test_reading_does_not_change_the_run_folder(ask, finished):
    before = hashes(finished)
    for path in ("/data/studies", "/data/study/s", "/data/study/s/trial/0", "/api/studies"):
        assert ask(path).status == 200
    assert hashes(finished) == before


def test_without_allow_control_actions_are_refused(ask, finished):
    answer = ask.act("s", act="note", trial=0, text="x")
    assert answer.status == 403
    assert "--allow-control" in answer.record["error"]
    assert not (finished.trial(0).path / "note.txt").exists()


def test_an_action_is_performed_for_an_own_page_and_no_other(control, held):
    for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        answer = control("/act/study/s", "POST", {"act": "pause"}, **headers)
        assert answer.status == 403
    text = control(
        "/act/study/s", "POST", {"act": "pause"}, Origin=control.url, Content_Type="text/plain"
    )
    assert text.status == 415
    assert control("/data/study/s").record["head"]["state"] == "running"
    assert control.act("s", act="pause").status == 200
    until(lambda: control("/data/study/s").record["head"]["state"] == "paused", "the page is told")
    assert control.act("s", act="resume").status == 200
    assert control.act("s", act="stop_trial", trial=0).status == 200
    until(lambda: control("/data/study/s").record["head"]["failures"] != [], "the trial has ended")
    assert control("/data/study/s/trial/0").record["reason"] == "killed"


@pytest.mark.parametrize(
    "record",
    [{}, [], "pause", {"act": "none"}, {"act": "stop_trial"}, {"act": "stop_trial", "trial": "0"}],
)  # fmt: skip
def test_an_unknown_action_is_refused(finished, record):
    with serving(finished.runs, allow_control=True) as ask:
        answer = ask("/act/study/s", "POST", record, Origin=ask.url)
    assert answer.status == 400
    assert "error" in answer.record


@pytest.mark.slow
def test_ten_thousand_quick_requests_change_nothing(held, undisturbed_held):
    controller = held.start_held()
    with serving(held.runs) as ask:
        connection = http.client.HTTPConnection("127.0.0.1", ask.port, timeout=60)
        paths = ["/data/study/s", "/data/studies", "/data/study/s/trial/0", "/study/s"]
        for i in range(10_000):
            if i == 5_000:
                held.release()
            connection.request("GET", paths[i % len(paths)])
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, body
        connection.close()
    assert held.end(controller) == (0, "")
    assert held.digest() == undisturbed_held
