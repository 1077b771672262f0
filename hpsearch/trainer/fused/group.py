"""The loop that trains the trials of a group as one.

Every member keeps its own step, order of phases, batches and noise. A tick takes the phase whose
turn it is for most members and updates just these; who is ahead waits at its next report, where
all that stand there are evaluated together. Nothing that a member computes depends on the others,
so its bits are the same in any company (docs/adr/0006).
"""

import time
from collections.abc import Callable, Sequence

from hpsearch.method import Shape
from hpsearch.trainer.fused.engine import Engine
from hpsearch.trainer.fused.graph.bindings import without_denormals
from hpsearch.trainer.fused.member import Member
from hpsearch.trainer.fused.memory import TooLargeError
from hpsearch.trainer.reporting import report
from hpsearch.trainer.run import NonfiniteError, Run, StoppedError
from hpsearch.trainer.trainer import Trainer

SAVE_INTERVAL_S = 5.0  # at least, between a member's checkpoints; the last step's is kept always
LOOK_INTERVAL_S = 0.5  # between looks whether somebody wants a member to stop
ENDED_SHARE = 0.25  # of a stack's members that train no more, when it is made anew without them

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
        trainer: of all of them.
        runs: the trials; they share a device.
        shape: what they share.
        ended: is told of each as it ends, with what ended it before its budget.
        is_compiled: whether torch.compile makes the steps: faster once that is done, and then a
            trial's bits depend on who shares its group.

    Raises:
        UnfusableError: vmap rejects the trainer; nothing was trained or reported.
        TrainerError: the trainer breaks its contract.
    """
    parts = [[Member(trainer, run) for run in runs]]
    while parts:
        members = parts.pop(0)
        try:
            Group(trainer, members, shape, ended, is_compiled=is_compiled).run()
        except TooLargeError as error:
            parts = [*_cut(members, error.fits), *parts]


def _cut(members: Sequence[Member], fits: int) -> list[list[Member]]:
    """Parts of nearly one size, of at most `fits` members."""
    count = -(-len(members) // fits)
    return [list(members[i::count]) for i in range(count)]


class Group:
    """The members that have not ended, and the engine that moves them.

    Args:
        trainer: of all members.
        members: at least one.
        shape: what they share.
        ended: is told of each that ends.
        is_compiled: whether torch.compile makes the steps.
    """

    def __init__(
        self,
        trainer: Trainer,
        members: Sequence[Member],
        shape: Shape,
        ended: Ended,
        *,
        is_compiled: bool = False,
    ) -> None:
        self._trainer = trainer
        self._shape = shape
        self._ended = ended
        self._is_compiled = is_compiled
        self._saved_at = time.monotonic()
        self._looked_at = 0.0
        self.engine = Engine(trainer, members, shape, is_compiled=is_compiled)
        self.training = list(range(len(members)))  # positions in the engine

    def run(self) -> None:
        """Train until every member has ended."""
        while self.training:
            ready = [k for k in self.training if not self.engine.members[k].waits]
            if ready:
                self.tick(ready)
            else:
                self._report()
            self._drop_stopped()
            self._compact()

    def tick(self, ready: Sequence[int]) -> None:
        """Update the members whose turn it is, of the phase whose turn it is for most."""
        members = self.engine.members
        turns = [members[k].phase for k in ready]
        phase = max(self._trainer.phases, key=turns.count)
        moving = [k for k, turn in zip(ready, turns, strict=True) if turn == phase]
        with without_denormals():
            found = self.engine.step(phase, moving)
        for k, loss in found:
            message = f"the loss of phase {phase} is {loss} at step {members[k].step}"
            self._end(k, NonfiniteError(message))
        for k in moving:
            members[k].advance()

    def _report(self) -> None:
        """Evaluate all members, which stand at a report each, and let them go on."""
        outputs = self.engine.outputs()
        now = time.monotonic()
        is_time = now - self._saved_at >= SAVE_INTERVAL_S
        for k in list(self.training):
            member = self.engine.members[k]
            try:
                report(self._trainer, member.run, member.nets, outputs[k], member.step)
            except OSError:
                raise
            except Exception as error:
                self._end(k, error)
                continue
            member.go_on()
            if is_time or member.is_done:
                member.run.save(self.engine.state(k))
            if member.is_done:
                self._end(k, None)
        if is_time:
            self._saved_at = now

    def _drop_stopped(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < LOOK_INTERVAL_S:
            return
        self._looked_at = now
        for k in list(self.training):
            if self.engine.members[k].run.stopping:
                self._end(k, StoppedError("stopped on request"))

    def _end(self, k: int, error: BaseException | None) -> None:
        self.training.remove(k)
        self._ended(self.engine.members[k].run, error)

    def _compact(self) -> None:
        """Make the stack anew, once enough of its members have ended."""
        count = len(self.engine.members)
        if not self.training or count - len(self.training) < max(1, ENDED_SHARE * count):
            return
        for k in self.training:
            self.engine.release(k)
        left = [self.engine.members[k] for k in self.training]
        self.engine = Engine(
            self._trainer, left, self._shape, is_compiled=self._is_compiled, fits=count
        )
        self.training = list(range(len(left)))
