"""Checks that a trainer gives the same results in a fused group as alone."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hpsearch.method import Shape
from hpsearch.testing.cases import Case, Tries, shown
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
from hpsearch.trainer import Trainer

_SHORT = 8  # steps of trials that must agree to the bit
_HALF = 4
_STEPS = 100  # of trials in float64
_REPORT_EVERY = 50  # of these
_ROUNDING = 1e-9  # of a number x in a checkpoint, times 1 + |x|
_OF_METRICS = 1e-3  # a metric's error counts so much less
_NUDGE = 1e-15  # of the first weights, relative
_GROWN = 100.0  # rounding at each step may grow to so many times the effect of the nudge
_HOPELESS = 1e-3  # effect of the nudge above which a trial is chaotic and not compared
_WIDER = 3  # additional units of padding


def a_trials_bits_do_not_depend_on_its_group(
    trainer: type[Trainer], tries: Tries, folder: Path
) -> None:
    case = Case.of(trainer, tries)
    for i, settings in enumerate(case.settings):
        mine = Member(settings, SEED, _SHORT)
        # The other four of a group of five end early, and the group is rebuilt without them.
        others = [
            [Member(s, SEED + j, budget) for j, s in enumerate(case.group(settings, size)) if j]
            for size, budget in ((2, _SHORT), (3, _SHORT), (5, _HALF))
        ]
        shape = case.shape(settings)
        [alone] = train_together(trainer, folder / f"{i}-1", [mine], shape)
        for k, group in enumerate(others):
            index = min(k, len(group))
            members = [*group[:index], mine, *group[index:]]
            trained = train_together(trainer, folder / f"{i}-{k}-of", members, shape)
            off = difference(alone, trained[index])
            expect(off is None, f"{shown(settings)}: among {len(members)}, {off}")


def a_fused_trial_resumes_in_another_group_to_the_same_bits(
    trainer: type[Trainer], tries: Tries, folder: Path
) -> None:
    case = Case.of(trainer, tries)
    for i, settings in enumerate(case.settings):
        mine, shape = Member(settings, SEED, _SHORT), case.shape(settings)
        first, second = (
            [Member(s, SEED + n + j, _SHORT) for j, s in enumerate(case.group(settings, n)) if j]
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
    case = Case.of(trainer, tries)
    for i, settings in enumerate(case.settings):
        members = [Member(s, SEED + j, _STEPS) for j, s in enumerate(case.group(settings, 3))]
        a_group_has_the_lone_numbers(trainer, members, case.shape(settings), folder / str(i))


def a_group_has_the_lone_numbers(
    trainer: type[Trainer], members: Sequence[Member], shape: Shape, folder: Path
) -> None:
    """Compare in float64 to 1e-9, and metrics, which may take roots of rounding, to 1e-6."""
    exact = in_doubles(trainer)
    fused = train_together(exact, folder / "fused", members, shape, _REPORT_EVERY)
    for j, (member, ours) in enumerate(zip(members, fused, strict=True)):
        path = folder / str(j)
        alone = _alone(exact, path, member)
        _expect_close(trainer, path, member, ours, alone, "fused and alone")


def padding_changes_no_number(trainer: type[Trainer], tries: Tries, folder: Path) -> None:
    case, exact = Case.of(trainer, tries), in_doubles(trainer)
    for i, settings in enumerate(case.settings if case.padded() else ()):
        group = case.group(settings, 3)
        members = [Member(s, SEED + j, _STEPS // 3) for j, s in enumerate(group)]
        shape = case.shape(settings)
        sizes = {name: int(str(shape.values[name])) for name in case.padded()}
        wider = {name: size + _WIDER for name, size in sizes.items()}
        narrow = train_together(exact, folder / f"{i}-narrow", members, shape, _REPORT_EVERY)
        shape = replace(shape, values={**shape.values, **wider})
        wide = train_together(exact, folder / f"{i}-wide", members, shape, _REPORT_EVERY)
        what = f"padded to {sizes} and to {wider}"
        for j, (member, a, b) in enumerate(zip(members, narrow, wide, strict=True)):
            _expect_close(trainer, folder / f"{i}-{j}", member, a, b, what)


def _expect_close(
    trainer: type[Trainer], path: Path, member: Member, a: Trained, b: Trained, what: str
) -> None:
    """Fail if two trials differ by more than rounding.

    An unstable trial, such as one with a high learning rate, amplifies rounding. The amplification
    is measured by a change in the last bits of the lone trial's initial weights; chaotic trials
    are not compared.
    """
    near = _apart(a, b)
    if max(near) <= _ROUNDING:
        return
    straight = _alone(in_doubles(trainer), path / "straight", member)
    nudged = _alone(in_doubles(trainer, nudge=_NUDGE), path / "nudged", member)
    for off, grown, (numbers, others) in zip(
        near, _apart(straight, nudged), ((a.state, b.state), (a.metrics, b.metrics)), strict=True
    ):
        most, where = max(_ROUNDING, _GROWN * grown), distance(numbers, others)[1]
        expect(
            off <= most or most > _HOPELESS,
            f"{shown(member.settings)}: {what} it is off by {off:.1g} at {where}",
        )


def _apart(a: Trained, b: Trained) -> tuple[float, float]:
    """Distances of the checkpoints and of the metrics, which may take roots of rounding."""
    return distance(a.state, b.state)[0], distance(a.metrics, b.metrics)[0] * _OF_METRICS


def _alone(trainer: type[Trainer], path: Path, member: Member) -> Trained:
    settings, budget, seed = member.settings, member.budget, member.seed
    return train_alone(
        trainer, path, settings, budget=budget, seed=seed, report_every=_REPORT_EVERY
    )


FUSED_TRAINER_CHECKS = (
    a_trials_bits_do_not_depend_on_its_group,
    a_fused_trial_resumes_in_another_group_to_the_same_bits,
    a_fused_trial_has_the_numbers_of_a_lone_one,
    padding_changes_no_number,
)
