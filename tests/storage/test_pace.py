"""Time per step: from reports by hand, and where a person reads it."""

import json
from dataclasses import replace

import pytest
import synthetic

from hpsearch.storage.pace import mean_step_seconds, step_seconds
from hpsearch.storage.run_folder import RunFolder
from hpsearch.trial import Report
from hpsearch.ui.dashboard import trials
from hpsearch.ui.report.question import step_time
from hpsearch.ui.report.run_summary import summarize_runs
from hpsearch.ui.terminal import tables


def reports(*found: tuple[int, float]) -> list[Report]:
    return [Report(step, {}, seconds) for step, seconds in found]


def test_a_pace_is_the_time_between_two_reports_over_the_steps_between_them() -> None:
    told = reports((100, 7.0), (200, 8.0), (250, 11.0))
    assert step_seconds(told) == [(200, 0.01), (250, 0.06)]
    assert mean_step_seconds(told) == pytest.approx(4 / 150)


def test_the_start_of_an_attempt_is_no_part_of_a_pace() -> None:
    """Of the second attempt, which begins at a checkpoint of step 200, only 300 to 400 counts."""
    told = reports((100, 7.0), (200, 8.0), (300, 5.0), (400, 7.0))
    assert step_seconds(told) == [(200, 0.01), (400, 0.02)]
    assert mean_step_seconds(told) == pytest.approx(0.015)


def test_one_report_says_nothing_of_a_step() -> None:
    assert (
        mean_step_seconds([]) is None
        and mean_step_seconds(reports((500, 3.0))) is None
        and step_seconds(reports((5, 1.0))) == []
    )


def test_a_persons_tables_say_it(tmp_path, capsys) -> None:
    s = synthetic.study(count=1, trials=6)
    result = replace(s.result, folder=tmp_path)
    for number, ms in enumerate((1, 2, 3)):
        place = RunFolder(tmp_path).trial(number).reports
        place.parent.mkdir(parents=True)
        lines = [{"step": i, "metrics": {}, "seconds": 5 + ms * i / 1000} for i in (100, 200, 300)]
        place.write_text("".join(json.dumps(line) + "\n" for line in lines))
    tables.show_trials(result, round=0, by_value=False, limit=4)
    heading, *rows = capsys.readouterr().out.splitlines()
    at = heading.index("ms/step")
    assert [row[at : at + 7].strip() for row in rows if row[:5].strip()] == ["1", "2", "3", ""]


def test_the_report_says_it_of_all_trials_and_a_trials_page_of_one() -> None:
    s = synthetic.study(count=1, trials=6)
    assert step_time(summarize_runs(s)) == "4 ms, of half the trials 4 to 4"
    assert trials.trial(s, 2)["step_seconds"] == pytest.approx(0.004)
