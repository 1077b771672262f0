"""Queue of trials, grouped into jobs, that wait for a device slot; and the running jobs."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hpsearch.method import Shape
from hpsearch.trial import Outcome, Spec
from hpsearch.workers.grouping import plan_groups

RecordOutcome = Callable[[Spec, Outcome], None]


@dataclass(frozen=True)
class QueuedGroup:
    """Trials that train as one job.

    Attributes:
        shape: their common shape; None for a single trial that does not train fused.
    """

    specs: tuple[Spec, ...]
    shape: Shape | None


@dataclass(eq=False)
class JobQueue:
    """Groups in the order in which they start.

    Attributes:
        shape_of: gives the shape of a trial that can be fused, None for any other.
        largest: most members of a group; None for any number.
    """

    shape_of: Callable[[Spec], Shape | None]
    slots: int
    largest: int | None

    def __post_init__(self) -> None:
        self._groups: deque[QueuedGroup] = deque()
        self._refused: set[str] = set()  # keys of shapes

    def __bool__(self) -> bool:
        return bool(self._groups)

    def add(self, specs: Sequence[Spec]) -> None:
        by_number = {spec.number: spec for spec in specs}
        shapes = {s.number: shape for s in specs if (shape := self._shape(s)) is not None}
        largest = self.largest or max(1, len(shapes))
        for numbers in plan_groups(shapes, slots=self.slots, largest=largest):
            members = tuple(by_number[number] for number in numbers)
            self._groups.append(QueuedGroup(members, shapes[numbers[0]]))
        self._groups.extend(QueuedGroup((s,), None) for s in specs if s.number not in shapes)

    def add_alone(self, specs: Sequence[Spec]) -> None:
        """Put each trial as a group of its own at the front of the queue."""
        self._groups.extendleft(QueuedGroup((spec,), self._shape(spec)) for spec in reversed(specs))

    def put_back(self, group: QueuedGroup) -> None:
        """Put a group that has to run again at the front of the queue, unless it is empty."""
        self._groups.extendleft(reversed(self._split_refused(group)))

    def next(self) -> QueuedGroup | None:
        """Remove and return the first group; None if the queue is empty."""
        return self._groups.popleft() if self._groups else None

    def take(self, number: int) -> Spec | None:
        """Remove one trial from its group; None if it is not in the queue."""
        for i, group in enumerate(self._groups):
            for spec in group.specs:
                if spec.number == number:
                    rest = tuple(other for other in group.specs if other is not spec)
                    self._groups[i] = QueuedGroup(rest, group.shape)
                    if not rest:
                        del self._groups[i]
                    return spec
        return None

    def refuse(self, shape: Shape) -> None:
        """Trials of this shape train unfused from now on."""
        self._refused.add(shape.key)
        self._groups = deque(part for group in self._groups for part in self._split_refused(group))

    def _shape(self, spec: Spec) -> Shape | None:
        shape = self.shape_of(spec)
        return None if shape is None or shape.key in self._refused else shape

    def _split_refused(self, group: QueuedGroup) -> list[QueuedGroup]:
        """The group itself, or its trials one by one if its shape is refused."""
        if group.shape is not None and group.shape.key in self._refused:
            return [QueuedGroup((spec,), None) for spec in group.specs]
        return [group] if group.specs else []


@dataclass
class Running:
    """A running job.

    Attributes:
        specs: the group's trials without a recorded outcome.
        stopping: for trials that were asked to leave the group, the time of that request.
        is_cancelled: whether the whole job was killed to end one of its trials.
    """

    group: QueuedGroup
    specs: list[Spec]
    slot: int
    stopping: dict[int, float] = field(default_factory=dict)
    is_cancelled: bool = False


@dataclass
class Work:
    """State of one call of `Pool.run`.

    Attributes:
        record_outcome: takes every trial that has ended.
        running: jobs by the launcher's handle.
        kills: how often each trial was killed from outside.
    """

    queue: JobQueue
    free: list[int]
    record_outcome: RecordOutcome
    running: dict[str, Running] = field(default_factory=dict)
    kills: dict[int, int] = field(default_factory=dict)

    @property
    def running_trials(self) -> int:
        return sum(len(running.specs) for running in self.running.values())
