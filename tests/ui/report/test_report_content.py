"""What a report says of a study that has run, and whether it is so."""

import re
import shlex
import statistics
from pathlib import Path

import pytest
from reported import hpsearch

from hpsearch.storage import view
from hpsearch.storage.snapshot import Snapshot
from hpsearch.ui.report.candidates import within_winner_sd
from hpsearch.ui.report.content import Document, Listing, Paragraph, Table
from hpsearch.ui.report.run_summary import steps_trained
from hpsearch.ui.report.study import report


@pytest.fixture(scope="module")
def s(told: Path) -> Snapshot:
    return view.read_snapshot(told)


@pytest.fixture(scope="module")
def document(s: Snapshot) -> Document:
    return report(s)


def blocks(document: Document, anchor: str) -> tuple:
    return next(section.blocks for section in document.sections if section.anchor == anchor)


def words(part) -> str:
    return part if isinstance(part, str) else part.text


def prose(document: Document, anchor: str) -> str:
    paragraphs = [b for b in blocks(document, anchor) if isinstance(b, Paragraph)]
    return "\n".join("".join(map(words, b.parts)) for b in paragraphs)


def rows(document: Document, anchor: str, caption: str) -> list[list[str]]:
    [found] = [b for b in blocks(document, anchor) if isinstance(b, Table) and caption in b.caption]
    return [[words(cell) for cell in row] for row in found.rows]


def test_the_question_says_what_was_asked_and_what_it_took(s, document) -> None:
    assert "of trainer.py:train give the lowest loss?" in prose(document, "question")
    assert "data=<img" in prose(document, "question")
    told = dict(rows(document, "question", "What was asked"))
    assert told["trials ended"] == "32 (17 drawn, 3 trained on and 12 confirming)"
    assert told["confirmation"] == "the best 3, each over 4 fresh seeds"
    assert re.fullmatch(
        r"[\d.e-]+ ms, of half the trials [\d.e-]+ to [\d.e-]+", told["time per step"]
    )
    assert told["devices"] == "32 on cpu; 1 thread per trial"
    assert re.search(r"python 3\.\d+\.\d+, hpsearch \d", told["versions"])


def test_steps_are_those_trained_a_continuation_counts_its_own_and_a_failure_what_it_did(s):
    # Round 0: 8 of 2 steps, a failure at the first step, one before it. Round 1: 7 draws of 4, and
    # 3 from 2 to 4. Then 12 confirmations of 4.
    assert steps_trained(s) == 8 * 2 + 1 + 0 + 7 * 4 + 3 * (4 - 2) + 12 * 4


def test_the_space_is_told_with_conditions(document) -> None:
    [_, kind, y] = rows(document, "space", "3 parameters")
    assert kind == ["kind", "choice", "<b>bold</b>, a|b, `tick`, &amp; *star* $x$", "always"]
    assert y == ["y", "log float", "0.1 .. 10", "kind = a|b"]


def test_the_winner_has_its_test_metrics_right_below_what_they_test(s, document) -> None:
    best = s.result.best
    told = rows(document, "winner", "What the winner reaches")
    assert [row[0] for row in told] == ["loss", "test_loss", "<i>"]
    assert told[0][1:3] == [f"{best.searched:.4g}", f"{best.confirmed.mean:.4g}"]
    assert told[1][1] == "not measured"
    assert told[1][2] == f"{best.metrics['test_loss'].mean:.4g}"


def test_the_searched_value_is_called_flattered_by_as_much_as_it_was(s, document) -> None:
    best = s.result.best
    gap = best.confirmed.mean - best.searched
    said = "is no worse" if gap <= 0 else f"flattered it by {gap:.4g}"
    assert said in prose(document, "winner")
    assert "chosen among 10 trials of equal steps" in prose(document, "winner")


def test_each_other_candidate_is_compared_with_the_winner_seed_by_seed(s, document) -> None:
    best, *others = s.result.winners

    def value(winner):
        trials = [s.trial(n) for n in winner.trials]
        return {t.spec.seed: t.outcome.value for t in trials}

    told = rows(document, "candidates", "of the candidates; the difference")
    assert [row[0] for row in told] == [f"trial {w.number}" for w in s.result.winners]
    for other, row in zip(others, told[1:], strict=True):
        gaps = [value(other)[seed] - value(best)[seed] for seed in value(best)]
        error = statistics.stdev(gaps) / len(gaps) ** 0.5
        assert row[3] == f"{statistics.fmean(gaps):+.3g} ± {error:.2g}"
        apart = abs(statistics.fmean(gaps)) > 3.182446 * error  # Student's t, 3 degrees of freedom
        said = f"Trial {other.number} is worse" if apart else f"{other.number} cannot be told apart"
        assert said in prose(document, "candidates")


def test_unconfirmed_trials_within_the_winners_sd_are_named(s, document) -> None:
    best = s.result.best
    confirmed = {w.number for w in s.result.winners}
    bound = best.searched + best.confirmed.sd
    expected = {
        t.spec.number
        for t in s.members(1)
        if t.outcome.value is not None and t.outcome.value <= bound
    } - confirmed
    assert {t.spec.number for t in within_winner_sd(s, best)} == expected != set()
    told = rows(document, "candidates", "Unconfirmed")
    assert {row[0] for row in told} == {f"trial {number}" for number in expected}


def test_failures_come_by_reason_with_message_log_and_cure(s, document) -> None:
    text = prose(document, "failures")
    [error] = s.failures()["error"]
    assert "Take the largest step sizes out of space" in text
    assert "Mend the trainer" in text
    [row] = rows(document, "failures", "error: 1 trial")
    assert row[0] == f"trial {error.spec.number}"
    assert row[4].startswith("ValueError: x is <b>too</b> large | so it is")
    logs = [b.text for b in blocks(document, "failures") if isinstance(b, Listing)]
    assert len(logs) == 2
    assert all("red <script>alert(1)</script> | `tick` www" in log for log in logs)
    assert max(len(line) for log in logs for line in log.splitlines()) == 200
    assert not any("\x1b" in log for log in logs)


def test_the_study_file_is_given_in_full(s, told, document) -> None:
    first = next(b for b in blocks(document, "reproduce") if isinstance(b, Listing))
    assert first.text + "\n" == (told / "study.yaml").read_text()


def test_its_commands_reproduce_the_study_to_the_bit(told, document) -> None:
    [commands] = [
        b.text for b in blocks(document, "reproduce") if getattr(b, "language", "") == "sh"
    ]
    folder = told.parent.parent
    outputs = []
    for line in commands.splitlines():
        program, *arguments = shlex.split(line, comments=True)
        assert program == "hpsearch"
        done = hpsearch(*arguments, cwd=folder)
        assert done.returncode == 0, (line, done.stderr)
        outputs.append(done.stdout)
    grounds = dict(rows(document, "reproduce", "What the numbers rest on"))
    assert outputs[1].strip() == grounds["digest of all trials"]
    assert "x:" in outputs[2]


def test_what_the_numbers_rest_on_is_named(s, document) -> None:
    grounds = dict(rows(document, "reproduce", "What the numbers rest on"))
    spec = s.folder(0).read_spec()
    assert grounds["SHA-256 of its sources"] == spec.trainer
    confirmed = {t.spec.seed for t in s.result.records if t.spec.role == "confirm"}
    assert {int(seed) for seed in grounds["confirmation seeds"].split(", ")} == confirmed
    assert grounds["threads of a trial"] == "1"


def test_changes_that_were_accepted_on_the_way_are_told(told_copy) -> None:
    accepted = told_copy / "runs" / "told" / "accepted-changes.txt"
    accepted.write_text("2026-01-01 00:00:00\n  fixed.data: a -> b\n")
    document = report(view.read_snapshot(accepted.parent))
    assert "changed on the way" in prose(document, "reproduce")
    assert any(
        isinstance(b, Listing) and "fixed.data: a -> b" in b.text
        for b in blocks(document, "reproduce")
    )


def test_a_range_that_the_survivors_press_on_is_warned_of_with_its_key() -> None:
    import synthetic

    from hpsearch.ui.report.rounds import rounds

    section = rounds(synthetic.study(best_at=1.0, count=6))
    warnings = [b for b in section.blocks if isinstance(b, Paragraph) and b.tone == "warning"]
    said = ["".join(map(words, warning.parts)) for warning in warnings]
    assert any("at the high end of width, 512" in text for text in said)
    assert any("let it go further by space.width.within." in text for text in said)
    inside = rounds(synthetic.study(best_at=0.5, count=6, parameters=synthetic.MIXED[:1]))
    assert not [b for b in inside.blocks if getattr(b, "tone", "") == "warning"]
