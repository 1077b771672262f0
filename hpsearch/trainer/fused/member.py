"""One trial of a fused group."""

from hpsearch.trainer.reporting import next_report
from hpsearch.trainer.run import Run
from hpsearch.trainer.state import TrialState
from hpsearch.trainer.trainer import Trainer


class Member(TrialState):
    """A trial's own state in a group; its networks become views of the group's stacks."""

    def __init__(self, trainer: Trainer, run: Run) -> None:
        super().__init__(trainer, run, "cpu")
        # The trial may have trained for its budget, but its outcome needs the last report.
        self.is_at_report = self.step >= run.budget
        self._report_at = next_report(self.step, run)

    @property
    def is_done(self) -> bool:
        """Whether the trial has trained for its budget and made its last report."""
        return self.step >= self.run.budget and not self.is_at_report

    def advance(self) -> None:
        self.step += 1
        self.is_at_report = self.step >= self._report_at

    def continue_after_report(self) -> None:
        self.is_at_report = False
        self._report_at = next_report(self.step, self.run)
