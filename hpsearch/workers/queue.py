"""Trials that wait for a place or have one, gathered into the groups that train as one job."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hpsearch.method import Shape
from hpsearch.trial import Spec
from hpsearch.workers.grouping import plan_groups


@dataclass(frozen=True)
class QueuedGroup:
    """Trials that train as one job.

    Attributes:
        specs: one or several.
        shape: what they share; None for a single trial that does not train fused.
    """

    specs: tuple[Spec, ...]
    shape: Shape | None


class JobQueue:
    """Groups in the order in which they start.

    Args:
        shape_of: the shape of a trial that can train fused; None of any other.
        places: where groups can train at a time.
        largest: trials that a group may have; None for any number.
    """

    def __init__(
        self,
        shape_of: Callable[[Spec], Shape | None],
        *,
        places: int,
        largest: int | None,
    ) -> None:
        self._shape_of = shape_of
        self._places = places
        self._largest = largest
        self._groups: deque[QueuedGroup] = deque()
        self._refused: set[str] = set()  # keys of shapes

    def __bool__(self) -> bool:
        return bool(self._groups)

    def add(self, specs: Sequence[Spec]) -> None:
        """Gather trials into groups, behind those that wait."""
        found = {spec.number: (spec, self._shape(spec)) for spec in specs}
        shapes = {number: shape for number, (_, shape) in found.items() if shape is not None}
        largest = self._largest or max(1, len(shapes))
        for numbers in plan_groups(shapes, places=self._places, largest=largest):
            members = tuple(found[number][0] for number in numbers)
            self._groups.append(QueuedGroup(members, shapes[numbers[0]]))
        self._groups.extend(QueuedGroup((s,), None) for s in specs if s.number not in shapes)

    def add_alone(self, specs: Sequence[Spec]) -> None:
        """Each a group of its own, before those that wait."""
        self._groups.extendleft(QueuedGroup((spec,), self._shape(spec)) for spec in reversed(specs))

    def put_back(self, group: QueuedGroup) -> None:
        """A group that shall run again, before those that wait; an empty one is dropped."""
        self._groups.extendleft(reversed(self._allowed(group)))

    def next(self) -> QueuedGroup | None:
        """Take the first; None when none waits."""
        return self._groups.popleft() if self._groups else None

    def take(self, number: int) -> Spec | None:
        """Take one trial out of its group; None if it does not wait."""
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
        self._groups = deque(part for group in self._groups for part in self._allowed(group))

    def _shape(self, spec: Spec) -> Shape | None:
        shape = self._shape_of(spec)
        return None if shape is None or shape.key in self._refused else shape

    def _allowed(self, group: QueuedGroup) -> list[QueuedGroup]:
        """The group, or what is left of it once its shape is refused."""
        if group.shape is not None and group.shape.key in self._refused:
            return [QueuedGroup((spec,), None) for spec in group.specs]
        return [group] if group.specs else []


@dataclass
class Running:
    """A job, with the trials of it that have not landed."""

    group: QueuedGroup
    specs: list[Spec]
    place: int
    stopping: dict[int, float] = field(default_factory=dict)  # by trial: since when
    is_cancelled: bool = False  # for the sake of one of its trials


@dataclass
class Work:
    """What is where while trials run."""

    waiting: JobQueue
    free: list[int]  # places
    running: dict[str, Running] = field(default_factory=dict)  # by the launcher's handle
    kills: dict[int, int] = field(default_factory=dict)  # from outside, by trial

    @property
    def trials(self) -> int:
        """That run."""
        return sum(len(running.specs) for running in self.running.values())
