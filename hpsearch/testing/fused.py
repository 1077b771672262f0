"""What a trainer must do in a fused group: just what it would do alone."""

import shutil
from dataclasses import replace
from pathlib import Path

from hpsearch.fusion import Trainer
from hpsearch.testing.cases import Case, Settings, Tries, shown
from hpsearch.testing.expectations import expect
from hpsearch.testing.trials import (
    SEED,
    Member,
    Trained,
    difference,
    distance,
    in_doubles,
    train_alone,
    train_together,
)

_SHORT = 8  # steps of trials that must agree to the bit
_HALF = 4
_STEPS = 100  # of trials in float64
_REPORT_EVERY = 50  # of these
_ROUNDING = 1e-9  # of a number x in a checkpoint, times 1 + |x|
_OF_METRICS = 1e-6  # a metric may take the root of a rounding error
_WIDER = 3  # units by which a padded network is wider than it need be


def company_does_not_change_a_trials_bits(
    trainer: type[Trainer], tries: Tries, folder: Path
) -> None:
    case = Case.of(trainer, tries)
    for i, settings in enumerate(case.settings):
        mine = Member(settings, SEED, _SHORT)
        # In groups of three and five the others end early, and the group goes on without them.
        others = [
            [Member(s, SEED + j, budget) for j, s in enumerate(case.company(settings, size)) if j]
            for size, budget in ((2, _SHORT), (3, _SHORT), (3, _HALF), (5, _HALF))
        ]
        shape = case.shape(settings)
        [alone] = train_together(trainer, folder / f"{i}-1", [mine], shape)
        for k, company in enumerate(others):
            place = min(k, len(company))
            members = [*company[:place], mine, *company[place:]]
            found = train_together(trainer, folder / f"{i}-{k}-of", members, shape)
            off = difference(alone, found[place])
            expect(off is None, f"{shown(settings)}: among {len(members)}, {off}")


def a_fused_trial_resumes_in_other_company_to_the_same_bits(
    trainer: type[Trainer], tries: Tries, folder: Path
) -> None:
    case = Case.of(trainer, tries)
    for i, settings in enumerate(case.settings):
        mine, shape = Member(settings, SEED, _SHORT), case.shape(settings)
        first, second = (
            [Member(s, SEED + n + j, _SHORT) for j, s in enumerate(case.company(settings, n)) if j]
            for n in (2, 3)
        )
        [straight] = train_together(trainer, folder / f"{i}-straight", [mine], shape)
        halfway = [replace(member, budget=_HALF) for member in [mine, *first]]
        train_together(trainer, folder / f"{i}-first", halfway, shape)
        shutil.copytree(folder / f"{i}-first" / "0", folder / f"{i}-second" / "0")
        resumed, *_ = train_together(trainer, folder / f"{i}-second", [mine, *second], shape)
        off = difference(straight, resumed)
        expect(off is None, f"{shown(settings)}: with one other and resumed with two, {off}")


def a_fused_trial_has_the_numbers_of_a_lone_one(
    trainer: type[Trainer], tries: Tries, folder: Path
) -> None:
    case, exact = Case.of(trainer, tries), in_doubles(trainer)
    for i, settings in enumerate(case.settings):
        members = [Member(s, SEED + j, _STEPS) for j, s in enumerate(case.company(settings, 3))]
        fused = train_together(
            exact, folder / f"{i}-fused", members, case.shape(settings), _REPORT_EVERY
        )
        for j, (member, ours) in enumerate(zip(members, fused, strict=True)):
            alone = train_alone(
                exact,
                folder / f"{i}-{j}",
                member.settings,
                budget=_STEPS,
                seed=member.seed,
                report_every=_REPORT_EVERY,
            )
            _expect_close(ours, alone, member.settings, "fused and alone")


def padding_changes_no_number(trainer: type[Trainer], tries: Tries, folder: Path) -> None:
    case, exact = Case.of(trainer, tries), in_doubles(trainer)
    for i, settings in enumerate(case.settings):
        company = case.company(settings, 3)
        members = [Member(s, SEED + j, _STEPS // 3) for j, s in enumerate(company)]
        shape = case.shape(settings)
        sizes = {name: int(str(shape.values[name])) for name in case.padded()}
        wider = {name: size + _WIDER for name, size in sizes.items()}
        narrow = train_together(exact, folder / f"{i}-narrow", members, shape, _REPORT_EVERY)
        shape = replace(shape, values={**shape.values, **wider})
        wide = train_together(exact, folder / f"{i}-wide", members, shape)
        for member, a, b in zip(members, narrow, wide, strict=True):
            _expect_close(a, b, member.settings, f"padded to {sizes} and to {wider}")


def _expect_close(a: Trained, b: Trained, settings: Settings, what: str) -> None:
    for numbers, others, most in (
        (a.state, b.state, _ROUNDING),
        (a.metrics, b.metrics, _OF_METRICS),
    ):
        off, where = distance(numbers, others)
        expect(off <= most, f"{shown(settings)}: {what} it is off by {off:.1g} at {where}")


FUSED_TRAINER_CHECKS = (
    company_does_not_change_a_trials_bits,
    a_fused_trial_resumes_in_other_company_to_the_same_bits,
    a_fused_trial_has_the_numbers_of_a_lone_one,
    padding_changes_no_number,
)
