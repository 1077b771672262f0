"""Errors that a user can understand, with their exit codes, and whether trying again helps."""

from dataclasses import dataclass


class HpsearchError(Exception):
    """Base of the errors that a user can understand and cure."""

    exit_code = 2


@dataclass(frozen=True)
class Fault:
    """One mistake in a study: where it is, what is wrong and how to correct it."""

    location: str  # "studies/digits_gan.yaml:14:5", or "--set space.lr=3"
    key: str  # "space.lr_g.loguniform"; empty for the file as a whole
    message: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.location}  {key}{self.message}"


class StudyError(HpsearchError):
    """The study file or an override is wrong; nothing has run."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class TrainerError(HpsearchError):
    """The trainer cannot be loaded; nothing has run."""


class UnfusableError(HpsearchError):
    """The trainer cannot train several trials in one loop; its trials run alone."""


class ChangedError(HpsearchError):
    """The study or its trainer differs from what the run folder was started with.

    Trying again does not help: undo the change, choose another run folder, or `--accept-changes`.
    """


class RunFolderError(HpsearchError):
    """A run folder cannot be read or written; finished trials are safe.

    Trying again helps once the cause in the message (space, permissions, path) is removed.
    """


class SearchFailedError(HpsearchError):
    """Every trial of a round failed, so there is nothing to tighten around."""

    exit_code = 3


class LockedError(HpsearchError):
    """Another process works on this run folder; trying again helps once it has ended."""

    exit_code = 4


class InterruptedSearch(HpsearchError):
    """The search was stopped on request; the same command resumes it."""

    exit_code = 130
