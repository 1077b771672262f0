"""Control of a search from outside, called by the command line and the dashboard.

Each function checks that its request makes sense, writes it to the run folder, where the controller
finds it within half a second, and returns a sentence that says what will happen. None of them
writes the study's database.

Every function raises RunFolderError if the folder holds no search or cannot be written, and
HpsearchError, with the cure, if the request makes no sense.
"""

import contextlib
from pathlib import Path

from hpsearch.controller.trial_table import unit_point
from hpsearch.errors import HpsearchError, RunFolderError
from hpsearch.storage import (
    Requests,
    RunFolder,
    StudyReader,
    launch_detached,
    read_launch_record,
    read_snapshot,
    writable,
)
from hpsearch.study import Study, thaw_study
from hpsearch.trial import Spec

NOTE_LENGTH = 10_000  # characters


def pause_search(run: Path) -> str:
    """Start no more trials until `resume_search`; running trials finish."""
    folder = _running(run)
    Requests(folder).pause()
    return f"paused: running trials finish, no new one starts until `hpsearch resume {run}`"


def resume_search(run: Path) -> str:
    """Lift a pause and withdraw a finish; start a controller if none is running."""
    folder = _folder(run)
    requests = Requests(folder)
    if folder.holder() is None:
        launch = read_launch_record(folder)
        if requests.end_after is None and _has_ended(folder):
            raise HpsearchError(
                f"{run}: the search has finished; `hpsearch add-rounds {run} 1` gives it more to do"
            )
        requests.withdraw_end()
        process = launch_detached(folder, launch)
        return f"started as process {process}, which writes to {folder.controller_log}"
    if folder.stop_requested() is not None:
        raise HpsearchError(f"{run}: the search is stopping; resume it when it has stopped")
    paused, last = requests.paused, requests.end_after
    if not paused and last is None:
        raise HpsearchError(f"{run}: the search is running, neither paused nor asked to finish")
    requests.lift_pause()
    requests.withdraw_end()
    done = ["the pause is lifted"] if paused else []
    done += [f"rounds after round {last} may begin again"] if last is not None else []
    return " and ".join(done)


def finish_after_round(run: Path) -> str:
    """Finish the current round, confirm the winners and begin no further round."""
    folder = _folder(run)
    last = max(0, _rounds_begun(folder) - 1)
    if last + 1 >= (rounds := _rounds(folder)):
        raise HpsearchError(f"{run}: round {last} is the last of {rounds} anyway")
    Requests(folder).end(last)
    return (
        f"no round begins after round {last}: it is finished and the winners are confirmed; "
        f"`hpsearch resume {run}` withdraws that"
    )


def stop_search(run: Path, *, now: bool = False) -> str:
    """End the controller after its running trials; at once if `now` or if asked before."""
    folder = _running(run)
    now = now or folder.stop_requested() is not None
    folder.request_stop("now" if now else "drain")
    if now:
        return f"stopping now; `hpsearch run` resumes {run}"
    return "stopping after the running trials; a second stop ends them now"


def stop_trial(run: Path, trial: int) -> str:
    """End one recorded trial, running or waiting, as failed with the reason "killed"."""
    folder = _folder(run)
    _spec(folder, trial)
    if folder.trial(trial).result.exists():
        raise HpsearchError(f"{run}: trial {trial} has ended already")
    Requests(folder).cancel(trial)
    when = "" if folder.holder() else " when the search resumes"
    return f"trial {trial} is stopped{when} and counts as failed (killed)"


def extend_search(run: Path, rounds: int) -> str:
    """Add `rounds` rounds to the search and withdraw a finish."""
    if rounds < 1:
        raise HpsearchError(f"rounds to add: must be 1 or more, got {rounds}")
    folder = _folder(run)
    requests = Requests(folder)
    total = _rounds(folder) + rounds
    requests.request_rounds(total)
    requests.withdraw_end()
    if folder.holder():
        return f"{total} rounds in all, from the end of the current round on"
    return f"{total} rounds in all, once the search resumes: `hpsearch resume {run}`"


def write_note(run: Path, trial: int, text: str) -> str:
    """Replace the note on a trial; an empty text removes it."""
    folder = _folder(run)
    _spec(folder, trial)
    text = text.strip()
    if len(text) > NOTE_LENGTH:
        raise HpsearchError(
            f"note on trial {trial}: must have at most {NOTE_LENGTH:,} characters, has "
            f"{len(text):,}; shorten it"
        )
    if not text.isascii() and any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        raise HpsearchError(f"note on trial {trial}: is not UTF-8 text; write it as UTF-8")
    with writable(folder.path):
        folder.trial(trial).write_note(text)
    return f"noted on trial {trial}" if text else f"the note on trial {trial} is removed"


def rerun_trial(run: Path, trial: int) -> str:
    """Train a trial's parameters again from scratch, under a fresh seed.

    The method never ranks the rerun, so the search is the same with it as without it.
    """
    folder = _folder(run)
    if unit_point(_study(folder).space, _spec(folder, trial)) is None:
        raise HpsearchError(
            f"{run}: the parameters of trial {trial} are outside the space that was accepted in "
            f"{folder.accepted}; undo that change to rerun the trial"
        )
    repeat = Requests(folder).request_rerun(trial)
    when = "after the waiting trials" if folder.holder() else f"by `hpsearch resume {run}`"
    before = f"; earlier reruns: {repeat}" if repeat else ""
    return f"trial {trial} is rerun under a fresh seed {when}{before}"


def _folder(run: Path) -> RunFolder:
    folder = RunFolder(Path(run))
    if not folder.path.is_dir():
        raise RunFolderError(f"{run}: no such run folder; `hpsearch run STUDY` makes one")
    if not folder.study.exists():
        raise RunFolderError(f"{run}: no search has begun here; start one with `hpsearch run`")
    return folder


def _running(run: Path) -> RunFolder:
    folder = RunFolder(Path(run))
    if folder.holder() is None:
        raise HpsearchError(f"{run}: no search is running here")
    return folder


def _study(folder: RunFolder) -> Study:
    return thaw_study(folder.study.read_text(encoding="utf-8"), folder.study)


def _rounds(folder: RunFolder) -> int:
    """Number of rounds in all, unless the search is asked to finish earlier."""
    return max(_study(folder).search.rounds, Requests(folder).rounds or 0)


def _rounds_begun(folder: RunFolder) -> int:
    with contextlib.closing(StudyReader(folder.database)) as reader:
        changes = reader.read()
    return len(changes.rounds) if changes else 0


def _has_ended(folder: RunFolder) -> bool:
    """Whether a controller would find nothing to do."""
    requests = Requests(folder)
    if requests.rounds_to_accept is not None or requests.reruns():
        return False
    try:
        return read_snapshot(folder.path).finished
    except RunFolderError:  # asked to finish before its database existed
        return False


def _spec(folder: RunFolder, number: int) -> Spec:
    """The spec of a recorded trial, from its folder if it has one: that is faster to read."""
    try:
        return folder.trial(number).read_spec()
    except FileNotFoundError:
        pass
    with contextlib.closing(StudyReader(folder.database)) as reader:
        changes = reader.read()
    trials = changes.trials if changes else ()
    for trial in trials:
        if trial.spec.number == number:
            return trial.spec
    has = f"has: 0 to {len(trials) - 1}" if trials else "has none yet"
    raise HpsearchError(f"{folder.path}: there is no trial {number} ({has})")
