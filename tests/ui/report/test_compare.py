"""`hpsearch compare`: which of several studies found the better winner, and how surely."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic
from reported import STUDY, hpsearch, search

from hpsearch.storage import view
from hpsearch.ui.report.comparison import IncomparableError, comparison
from hpsearch.ui.report.content import Document, Paragraph, Table


@pytest.fixture(scope="module")
def folder(told: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folders: told, the same study again, and one that may only search bad values."""
    folder = tmp_path_factory.mktemp("compared")
    (folder / "told").symlink_to(told)
    search(folder / "other", STUDY, runs="again")
    search(folder / "other", STUDY.replace("x: {uniform: [0, 1]}", "x: {uniform: [0.6, 0.8]}"))
    return folder


def summary(document: Document) -> str:
    parts = [part for b in document.summary if isinstance(b, Paragraph) for part in b.parts]
    return "".join(part if isinstance(part, str) else part.text for part in parts)


def column(document: Document, study: str) -> dict[str, str]:
    [table] = [b for b in document.sections[0].blocks if isinstance(b, Table)]
    i = table.headings.index(study)
    return {str(row[0]): str(row[i]) for row in table.rows}


def test_a_clear_difference_is_said_with_its_uncertainty(folder: Path) -> None:
    good, bad = (view.read_snapshot(folder / name) for name in ("told", "other/runs/told"))
    document = comparison([bad, good])
    assert re.search(
        r"is better than .*: its winner is ahead in loss by [\d.]+ ± [\d.]+ \(standard error, "
        r"paired over 4 shared seeds\); zero lies outside the 95 % confidence interval\.",
        summary(document),
    )
    assert "searches under several search seeds" in summary(document)


def test_the_same_study_twice_cannot_be_told_apart(folder: Path) -> None:
    done = hpsearch("compare", "told", "other/again/told", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "cannot be told apart: their winners gave the same loss under all 4 seeds" in done.stdout
    assert "have the same study file" in done.stdout
    assert "Parameters in which the winners differ: in no parameter." in done.stdout


def test_studies_are_named_by_as_much_of_their_path_as_tells_them_apart(folder: Path) -> None:
    def names(*runs: str) -> list[str]:
        document = comparison([view.read_snapshot(folder / run) for run in runs])
        return next(b.headings for b in document.sections[0].blocks if isinstance(b, Table))[1:]

    assert names("told", "told") == ("told", "told (2)")
    assert names("other/again/told", "other/runs/told") == ("again/told", "runs/told")


def test_the_table_holds_winner_test_metrics_and_cost(folder: Path) -> None:
    runs = [view.read_snapshot(folder / name) for name in ("told", "other/runs/told")]
    document = comparison(runs)
    names = next(b.headings for b in document.sections[0].blocks if isinstance(b, Table))[1:]
    assert len(set(names)) == 2
    for name, s in zip(names, runs, strict=True):
        told, best = column(document, name), s.result.best
        assert told["loss, mean ± sd"] == str(best.confirmed)
        assert told["test_loss, mean ± sd"] == str(best.metrics["test_loss"])
        assert told["trials ended"] == "32"
        assert told["steps trained"].isdigit()


def test_best_so_far_is_read_off_at_equal_steps(folder: Path) -> None:
    s = view.read_snapshot(folder / "told")
    document = comparison([s, view.read_snapshot(folder / "other/runs/told")])
    [table] = [
        b for section in document.sections for b in section.blocks
        if isinstance(b, Table) and "equal training steps" in b.caption
    ]  # fmt: skip
    last = table.rows[-1]
    assert int(str(last[0]).replace(",", "")) == sum(s.own_steps(t) for t in s.searched)
    assert last[1] == f"{s.rounds[-1].best:.4g}"


def test_studies_of_other_metrics_or_directions_are_refused(tmp_path: Path) -> None:
    a = synthetic.study(count=1)
    for other in (
        synthetic.study(count=1, metric="fid"),
        synthetic.study(count=1, direction="maximize"),
    ):
        with pytest.raises(IncomparableError, match="only studies of one metric and one direction"):
            comparison([a, other])
    with pytest.raises(IncomparableError, match="needs two or more run folders"):
        comparison([a])


def test_an_unconfirmed_study_is_not_ranked(folder: Path, tmp_path: Path) -> None:
    bare = view.read_snapshot(search(tmp_path, STUDY.replace("top: 3", "top: 0")))
    bare = replace(bare, result=replace(bare.result, name="bare"))
    said = summary(comparison([view.read_snapshot(folder / "told"), bare]))
    assert "bare has no confirmed winner, so no fair comparison with it is possible" in said
    assert "is better than" not in said


def test_values_measured_in_other_ways_are_doubted(folder: Path) -> None:
    s = view.read_snapshot(folder / "told")
    other = tuple(
        t if t.outcome is None else replace(t, outcome=replace(t.outcome, provenance={"net": "b"}))
        for t in s.result.records
    )
    document = comparison([s, replace(s, result=replace(s.result, records=other))])
    assert "measured in different ways" in summary(document)


def test_a_page_and_markdown_are_written_with_the_figure(folder: Path, tmp_path: Path) -> None:
    page, text = tmp_path / "both.html", tmp_path / "both.md"
    for path in (page, text):
        done = hpsearch("compare", "told", "other/runs/told", "-o", path, cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
    assert page.read_text().count("<svg") == 2
    assert (tmp_path / "both-figures/compare-steps.svg").exists()
    assert "](both-figures/compare-steps.svg)" in text.read_text()
    plain = tmp_path / "both.txt"
    assert hpsearch("compare", "told", "other/runs/told", "-o", plain, cwd=folder).returncode == 0
    assert "is better than" in plain.read_text()
    plain.write_text("mine")
    done = hpsearch("compare", "told", "other/runs/told", "-o", plain, cwd=folder)
    assert done.returncode == 2 and plain.read_text() == "mine"


def test_studies_of_one_name_are_told_apart_in_the_figure(folder: Path) -> None:
    document = comparison(
        [view.read_snapshot(folder / name) for name in ("told", "other/runs/told")]
    )
    lines = [t["name"] for t in document.drawings[0].figure["data"] if t.get("mode") == "lines"]
    assert len(set(lines)) == 2
