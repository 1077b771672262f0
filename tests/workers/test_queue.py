"""The order and the groups in which trials wait for a device slot."""

from hpsearch.method.structure import Shape
from hpsearch.trial import Spec
from hpsearch.workers.queue import JobQueue, QueuedGroup


def spec(number: int, depth: int = 1) -> Spec:
    return Spec(number, 0, number, "draw", {"depth": depth}, (), seed=1, budget=1)


def shape(of: Spec) -> Shape:
    return Shape({"depth": of.params["depth"]}, {})


def new_queue(slots: int = 1, largest: int | None = None) -> JobQueue:
    return JobQueue(shape, slots=slots, largest=largest)


def drained(queue: JobQueue) -> list[tuple[tuple[int, ...], bool]]:
    """The numbers of each group, and whether it is fused."""
    found = []
    while (group := queue.next()) is not None:
        found.append((tuple(s.number for s in group.specs), group.shape is not None))
    assert not queue
    return found


def test_trials_of_a_shape_wait_together_and_larger_groups_come_first():
    queue = new_queue()
    queue.add([spec(0, 2), spec(1), spec(2), spec(3, 2), spec(4)])
    assert drained(queue) == [((1, 2, 4), True), ((0, 3), True)]


def test_a_group_has_at_most_as_many_trials_as_the_study_says():
    queue = new_queue(largest=2)
    queue.add([spec(number) for number in range(5)])
    assert [len(numbers) for numbers, _ in drained(queue)] == [2, 2, 1]


def test_trials_that_cannot_be_fused_keep_their_order():
    queue = JobQueue(lambda _spec: None, slots=2, largest=None)
    queue.add([spec(2), spec(0), spec(1)])
    assert drained(queue) == [((2,), False), ((0,), False), ((1,), False)]


def test_a_group_that_is_put_back_comes_first_as_it_was():
    queue = new_queue(slots=3)
    queue.add([spec(number) for number in range(4)])
    queue.put_back(QueuedGroup((spec(7), spec(8)), shape(spec(7))))
    queue.put_back(QueuedGroup((), shape(spec(7))))
    assert drained(queue) == [((7, 8), True), ((0, 1, 2, 3), True)]


def test_a_refused_shape_is_trained_unfused_whether_it_waits_comes_or_comes_back():
    queue = new_queue()
    queue.add([spec(0), spec(1, 2), spec(2)])
    queue.refuse(shape(spec(0)))
    queue.add([spec(3), spec(4, 2)])
    queue.put_back(QueuedGroup((spec(5), spec(6)), shape(spec(5))))
    queue.add_alone([spec(7)])
    assert drained(queue) == [
        ((7,), False),
        ((5,), False),
        ((6,), False),
        ((0,), False),
        ((2,), False),
        ((1,), True),
        ((4,), True),
        ((3,), False),
    ]


def test_trials_that_shall_be_alone_are_groups_of_one_in_their_order():
    queue = new_queue()
    queue.add([spec(0), spec(1)])
    queue.add_alone([spec(2), spec(3)])
    assert drained(queue) == [((2,), True), ((3,), True), ((0, 1), True)]


def test_a_trial_is_taken_out_of_its_group():
    queue = new_queue()
    queue.add([spec(0), spec(1), spec(2, 2)])
    assert queue.take(1) == spec(1)
    assert queue.take(2) == spec(2, 2)
    assert queue.take(2) is None
    assert drained(queue) == [((0,), True)]
