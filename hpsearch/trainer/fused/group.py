"""The loop that trains the trials of a group together.

Every member has its own step, order of phases, batches and noise. Each step of the group updates
the phase that most members are due for. A member that reaches its next report waits, until all
members do and are evaluated together. A member's bits do not depend on the others (batch
invariance, docs/adr/0006).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass, field

from hpsearch.method import Shape
from hpsearch.trainer.fused.engine import Engine
from hpsearch.trainer.fused.graph.bindings import flush_denormals
from hpsearch.trainer.fused.member import Member
from hpsearch.trainer.fused.memory import TooLargeError
from hpsearch.trainer.reporting import report
from hpsearch.trainer.run import NonfiniteError, Run, StoppedError
from hpsearch.trainer.trainer import Trainer

SAVE_INTERVAL_S = 5.0  # minimum between a member's checkpoints; the last step is always saved
STOP_CHECK_INTERVAL_S = 0.5  # between checks for stop requests
ENDED_SHARE = 0.25  # of a stack's members that have ended, at which it is rebuilt without them

Ended = Callable[[Run, BaseException | None], None]


def train_group(
    trainer: Trainer,
    runs: Sequence[Run],
    shape: Shape,
    ended: Ended,
    *,
    is_compiled: bool = False,
) -> None:
    """Train all trials, from their checkpoints where they have one, until each is at its budget.

    Args:
        runs: the trials; they share a device.
        ended: called with each trial as it ends, and with the error that ended it before its
            budget or None.
        is_compiled: whether torch.compile makes the steps: faster after compilation, but a trial's
            bits then depend on its group.

    Raises:
        UnfusableError: the trainer cannot be traced; nothing was trained or reported.
        TrainerError: the trainer breaks its contract.
    """
    parts = [[Member(trainer, run) for run in runs]]
    while parts:
        members = parts.pop(0)
        try:
            Group(trainer, members, shape, ended, is_compiled=is_compiled).run()
        except TooLargeError as error:
            parts = [*_split(members, error.fits), *parts]


def _split(members: Sequence[Member], fits: int) -> list[list[Member]]:
    """Parts of nearly equal size, of at most `fits` members each."""
    count = -(-len(members) // fits)
    return [list(members[i::count]) for i in range(count)]


@dataclass(eq=False)
class Group:
    """The members that have not ended, and the engine that trains them.

    The arguments are those of `train_group`, with at least one member.

    Attributes:
        training: rows of the members that have not ended.
    """

    trainer: Trainer
    members: InitVar[Sequence[Member]]
    shape: Shape
    ended: Ended
    is_compiled: bool = field(default=False, kw_only=True)

    def __post_init__(self, members: Sequence[Member]) -> None:
        self._saved_at = time.monotonic()
        self._checked_at = 0.0
        self.engine = Engine(self.trainer, members, self.shape, is_compiled=self.is_compiled)
        self.training = list(range(len(members)))

    def run(self) -> None:
        while self.training:
            ready = [k for k in self.training if not self.engine.members[k].is_at_report]
            if ready:
                self.step(ready)
            else:
                self._report()
            self._drop_stopped()
            self._compact()

    def step(self, ready: Sequence[int]) -> None:
        """Step the phase that most members are due for; only those are updated."""
        members = self.engine.members
        due_phases = [members[k].phase for k in ready]
        phase = max(self.trainer.phases, key=due_phases.count)
        updated = [k for k, due in zip(ready, due_phases, strict=True) if due == phase]
        with flush_denormals():
            nonfinite = self.engine.step(phase, updated)
        for k, loss in nonfinite:
            message = f"the loss of phase {phase} is {loss} at step {members[k].step}"
            self._end(k, NonfiniteError(message))
        for k in updated:
            members[k].advance()

    def _report(self) -> None:
        """Evaluate all members, each of which is at a report."""
        outputs = self.engine.outputs()
        now = time.monotonic()
        is_save_due = now - self._saved_at >= SAVE_INTERVAL_S
        for k in list(self.training):
            member = self.engine.members[k]
            try:
                report(self.trainer, member.run, member.nets, outputs[k], member.step)
            except OSError:
                raise
            except Exception as error:
                self._end(k, error)
                continue
            member.continue_after_report()
            if is_save_due or member.is_done:
                member.run.save(self.engine.checkpoint(k))
            if member.is_done:
                self._end(k, None)
        if is_save_due:
            self._saved_at = now

    def _drop_stopped(self) -> None:
        now = time.monotonic()
        if now - self._checked_at < STOP_CHECK_INTERVAL_S:
            return
        self._checked_at = now
        for k in list(self.training):
            if self.engine.members[k].run.stopping:
                self._end(k, StoppedError("stopped on request"))

    def _end(self, k: int, error: BaseException | None) -> None:
        self.training.remove(k)
        self.ended(self.engine.members[k].run, error)

    def _compact(self) -> None:
        """Rebuild the stack without the members that have ended, once they are enough."""
        count = len(self.engine.members)
        if not self.training or count - len(self.training) < max(1, ENDED_SHARE * count):
            return
        for k in self.training:
            self.engine.release(k)
        remaining = [self.engine.members[k] for k in self.training]
        self.engine = Engine(
            self.trainer, remaining, self.shape, is_compiled=self.is_compiled, fits=count
        )
        self.training = list(range(len(remaining)))
