"""Warnings, parts of logs, a trial's neighbors, and widths of figures."""

import pytest
from searches import HELD_STUDY, HELD_TRAINER, Search
from served import serving


@pytest.fixture
def ask(finished):
    with serving(finished.runs) as asker:
        yield asker


def searched(folder, study=HELD_STUDY, trainer=HELD_TRAINER):
    search = Search(folder, study, trainer)
    assert search.finish() == (0, "")
    return search


def test_failures_are_listed_by_reason_with_the_end_of_a_log(tmp_path):
    trainer = HELD_TRAINER.replace(
        "    for step",
        '    print("\\x1b[31mlr is", run.hp.lr)\n    assert run.hp.lr < 0.7\n    for step',
    )
    search = searched(tmp_path, trainer=trainer)
    with serving(search.runs) as ask:
        [failure] = ask("/data/study/s/warnings").record["failures"]
        failed = ask("/data/study/s").record["head"]["failures"]
    assert failure["reason"] == "error"
    assert failure["number"] == failed[0]["numbers"][0]
    assert failure["message"].startswith("AssertionError")
    assert failure["tail"].startswith("lr is 0.")  # without its escape code
    assert failure["tail"].endswith("AssertionError")


def test_survivors_at_a_bound_give_a_warning(tmp_path):
    # The best lr is 0.3, far below this range.
    study = (
        HELD_STUDY.replace("uniform: [0, 1]", "uniform: [0.5, 1]")
        .replace("rounds: 2, trials: 4", "rounds: 4, trials: 8")
        .replace("top: 1", "top: 2")
    )
    trainer = HELD_TRAINER.replace(" + 1 / (run.seed % 97 + step)", "")
    with serving(searched(tmp_path, study, trainer).runs) as ask:
        [warning] = ask("/data/study/s/warnings").record["at_bound"]
    assert (warning["parameter"], warning["side"], warning["bound"]) == ("lr", "low", 0.5)
    assert len(warning["survivors"]) == 2


def test_unchanged_warnings_are_sent_once(ask):
    first = ask("/data/study/s/warnings")
    again = ask("/data/study/s/warnings", If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")


def test_a_long_log_is_read_backwards_in_whole_lines_and_nothing_is_lost(ask, finished):
    text = "".join(f"line {i}\n" for i in range(20_000))
    finished.trial(0).log.write_text(text)
    part = ask("/data/study/s/trial/0/log").record
    read = part["text"]
    while part["from"] > 0:
        assert part["text"].startswith("line ")
        part = ask(f"/data/study/s/trial/0/log?until={part['from']}").record
        read = part["text"] + read
    assert read == text


def test_one_line_longer_than_an_answer_is_read_backwards_too(ask, finished):
    finished.trial(0).log.write_text("x" * 200_000)
    part, read = ask("/data/study/s/trial/0/log").record, ""
    read = part["text"]
    while part["from"] > 0:
        part = ask(f"/data/study/s/trial/0/log?until={part['from']}").record
        read = part["text"] + read
    assert read == "x" * 200_000


def test_the_neighbors_of_a_trial_are_those_of_its_round_or_role(ask):
    rows = ask("/data/study/s").record["trials"]
    confirmations = [row[0] for row in rows if len(row) > 3 and row[3] == "confirm"]
    assert ask("/data/study/s/trial/0").record["neighbors"] == {"previous": None, "next": 1}
    assert ask("/data/study/s/trial/3").record["neighbors"] == {"previous": 2, "next": None}
    first, second = confirmations
    assert ask(f"/data/study/s/trial/{first}").record["neighbors"]["next"] == second


@pytest.mark.parametrize("figure", ["tightening", "seeds"])
def test_a_narrow_page_gets_narrow_figures(ask, figure):
    wide, narrow = (ask(f"/data/study/s/figure/{figure}?columns={n}") for n in (2, 1))
    assert narrow.headers["etag"] != wide.headers["etag"]
    assert narrow.record["layout"]["height"] >= wide.record["layout"]["height"]


def test_an_interrupted_search_has_the_command_that_resumes_it(held):
    controller = held.start_held()
    controller.kill()
    controller.wait()
    held.wait_until_no_process_is_left()
    with serving(held.runs) as ask:
        head = ask("/data/study/s").record["head"]
    assert head["state"] == "interrupted"
    assert head["command"] == f"hpsearch run {held.study} --runs {held.runs}"
