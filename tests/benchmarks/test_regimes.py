"""In which order trials are asked for and told, and what a run is worth."""

import numpy as np
import pytest

from benchmarks.quality.regimes import REGIMES, InvalidParams, Regime, check, run
from hpsearch.space import Choice, Condition, Int, Parameter, Space, Uniform

LINE = Space((Parameter("x", Uniform(0, 1)),))


class Line:
    """The truth is x; what is seen is wrong about one trial."""

    space = LINE

    def truth(self, params):
        return params["x"]

    def value(self, params, seed):
        return -1.0 if params["x"] == 0.4 else params["x"]


class Written:
    """Proposes what is written, and keeps what it hears."""

    def __init__(self, xs):
        self.xs = list(xs)
        self.pending = []
        self.heard = []  # of every call: 'ask' or the values, and how many are pending after it

    def ask(self, count):
        made = [{"x": self.xs.pop(0)} for _ in range(count)]
        self.pending += made
        self.heard.append(("ask", len(self.pending)))
        return made

    def tell(self, params, values):
        for told in params:
            self.pending.remove(told)
        self.heard.append((list(values), len(self.pending)))


def test_a_run_is_worth_the_truth_of_what_looks_best():
    trace = run(Line(), Written([0.9, 0.5, 0.6, 0.4, 0.1]), Regime(5, 2, False, ()), seed=0)
    # From the fourth trial on the one that looks best is not the best.
    assert trace.truths == [0.9, 0.5, 0.5, 0.4, 0.4]


def test_batches_are_told_as_a_whole():
    optimizer = Written([0.9, 0.5, 0.6, 0.3, 0.1])
    run(Line(), optimizer, Regime(5, 2, False, ()), seed=0)
    assert optimizer.heard == [
        ("ask", 2), ([0.9, 0.5], 0), ("ask", 2), ([0.6, 0.3], 0), ("ask", 1), ([0.1], 0),
    ]  # fmt: skip


def test_asynchronous_workers_are_always_busy_until_the_last_trials_end():
    optimizer = Written(np.linspace(0, 1, 100))
    trace = run(Line(), optimizer, REGIMES["async-100"], seed=0)
    pending = [count for _, count in optimizer.heard]
    assert pending[0] == 25
    assert pending[1:151] == [24, 25] * 75
    assert pending[151:] == list(range(24, -1, -1))
    assert len(trace.truths) == 100


def test_the_nth_trial_takes_the_same_time_whatever_is_proposed():
    first, second = Written(np.linspace(0, 1, 60)), Written(np.linspace(1, 0, 60))
    told = []
    for optimizer in (first, second):
        xs = list(optimizer.xs)
        run(Line(), optimizer, Regime(60, 25, True, ()), seed=3)
        values = [heard[0] for heard, _ in optimizer.heard if heard != "ask"]
        told.append([xs.index(x) for x in values])
    assert told[0] == told[1]
    assert told[0] != list(range(60))


def test_twice_the_trials_are_run_as_one():
    trace = run(Line(), Written(np.linspace(0, 1, 20)), Regime(10, 5, False, ()), 0, factor=2)
    assert len(trace.truths) == 20


CONDITIONAL = Space(
    (
        Parameter("kind", Choice(("a", "b"))),
        Parameter("depth", Int(1, 3), (Condition("kind", ("a",)),)),
    )
)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"kind": "a"}, "depth is active and has no value"),
        ({"kind": "b", "depth": 1}, "depth is inactive and has the value 1"),
        ({"kind": "a", "depth": 4}, "depth: 4 is not in"),
        ({"kind": "a", "depth": 1.0}, "depth: 1.0 is not in"),
        ({"kind": "b", "width": 1}, "unknown: width"),
    ],
)
def test_a_proposal_outside_the_space_ends_the_run(params, message):
    with pytest.raises(InvalidParams, match=message):
        check(CONDITIONAL, params)


def test_a_proposal_in_the_space_passes():
    check(CONDITIONAL, {"kind": "a", "depth": 3})
    check(CONDITIONAL, {"kind": "b"})


def test_an_optimizer_that_answers_with_another_number_of_trials_is_refused():
    class Short(Written):
        def ask(self, count):
            return super().ask(count - 1)

    with pytest.raises(InvalidParams, match="asked for 5 trials, got 4"):
        run(Line(), Short(np.linspace(0, 1, 20)), Regime(10, 5, False, ()), 0)
