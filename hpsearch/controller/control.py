"""What a person can do to a search: the command line and the dashboard both call these functions.

Each looks whether the act makes sense, leaves a request in the run folder (`requests`), where the
search's controller finds it within half a second, and says in a sentence what will happen. None
writes the study's database.

Every function raises RunFolderError if there is no search in the folder or it cannot be written,
and HpsearchError, with the cure, for an act that makes no sense.
"""

import contextlib
from pathlib import Path

from hpsearch.controller.trial_table import unit_point
from hpsearch.errors import HpsearchError, RunFolderError
from hpsearch.storage import (
    PendingRequests,
    Requests,
    RunFolder,
    StudyReader,
    launch_detached,
    pending_requests,
    read_launch_record,
    read_snapshot,
    writable,
)
from hpsearch.study import Study, thaw_study
from hpsearch.trial import Spec

NOTE_LENGTH = 10_000  # characters


def pending_at(run: Path) -> PendingRequests:
    """What has been asked for and has not happened yet; looks at a handful of files."""
    return pending_requests(RunFolder(Path(run)))


def pause_search(run: Path) -> str:
    """Start no more trials until `go_on`; those that run finish."""
    folder = _at_work(run)
    Requests(folder).pause()
    return f"paused: running trials finish, no new one starts until `hpsearch go-on {run}`"


def resume_search(run: Path) -> str:
    """Lift a pause, withdraw an earlier end; and start the search if no controller is at work."""
    folder = _folder(run)
    wanted = Requests(folder)
    if folder.holder() is None:
        way = read_launch_record(folder)
        if wanted.end_after is None and _has_ended(folder):
            raise HpsearchError(
                f"{run}: the search has finished; `hpsearch add-rounds {run} 1` gives it more to do"
            )
        wanted.withdraw_end()
        number = launch_detached(folder, way)
        return f"started as process {number}, which writes to {folder.controller_log}"
    if folder.stop_requested() is not None:
        raise HpsearchError(f"{run}: the search is stopping; ask again when it has")
    paused, end = wanted.paused, wanted.end_after
    if not paused and end is None:
        raise HpsearchError(f"{run}: the search is at work, and neither paused nor asked to end")
    wanted.lift_pause()
    wanted.withdraw_end()
    done = ["the pause is lifted"] if paused else []
    done += [f"rounds after round {end} may begin again"] if end is not None else []
    return " and ".join(done)


def finish_after_round(run: Path) -> str:
    """Begin no round after the one at hand: finish it and confirm the winners."""
    folder = _folder(run)
    last = max(0, _rounds_begun(folder) - 1)
    if last + 1 >= (rounds := _rounds(folder)):
        raise HpsearchError(f"{run}: round {last} is the last of {rounds} anyway")
    Requests(folder).end(last)
    return (
        f"no round begins after round {last}: it is finished and the winners are confirmed; "
        f"`hpsearch go-on {run}` withdraws that"
    )


def stop_search(run: Path, *, now: bool = False) -> str:
    """End the controller after its running trials; asked twice, or with `now`, at once."""
    folder = _at_work(run)
    now = now or folder.stop_requested() is not None
    folder.request_stop("now" if now else "drain")
    if now:
        return f"stopping now; `hpsearch run` goes on with {run}"
    return "stopping after the running trials; to ask again ends them now"


def stop_trial(run: Path, trial: int) -> str:
    """End one trial that runs, or has been recorded and waits, as "killed"."""
    folder = _folder(run)
    _spec(folder, trial)
    if folder.trial(trial).result.exists():
        raise HpsearchError(f"{run}: trial {trial} has ended already")
    Requests(folder).cancel(trial)
    when = "" if folder.holder() else " when the search goes on"
    return f"trial {trial} is stopped{when} and counts as failed (killed)"


def extend_search(run: Path, rounds: int) -> str:
    """Give the search more rounds than it has; withdraws an earlier end."""
    if rounds < 1:
        raise HpsearchError(f"rounds to add: must be 1 or more, got {rounds}")
    folder = _folder(run)
    wanted = Requests(folder)
    total = _rounds(folder) + rounds
    wanted.ask_rounds(total)
    wanted.withdraw_end()
    if folder.holder():
        return f"{total} rounds in all, once the round at hand is over"
    return f"{total} rounds in all, once the search goes on: `hpsearch go-on {run}`"


def write_note(run: Path, trial: int, text: str) -> str:
    """Keep a text with a trial, in place of the one before; an empty one takes it away."""
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
    """Train a trial's parameters once more from scratch, under a fresh seed, for the eye alone."""
    folder = _folder(run)
    if unit_point(_study(folder).space, _spec(folder, trial)) is None:
        raise HpsearchError(
            f"{run}: the parameters of trial {trial} lie outside the space that {folder.accepted} "
            "tells of; undo that change to train it again"
        )
    repeat = Requests(folder).ask_again(trial)
    when = "after the trials that wait" if folder.holder() else f"by `hpsearch go-on {run}`"
    before = f"; it was asked for {repeat} times before" if repeat else ""
    return f"trial {trial} is trained again under a fresh seed {when}{before}"


def _folder(run: Path) -> RunFolder:
    folder = RunFolder(Path(run))
    if not folder.path.is_dir():
        raise RunFolderError(f"{run}: no such run folder; `hpsearch run STUDY` makes one")
    if not folder.study.exists():
        raise RunFolderError(f"{run}: no search has begun here; start one with `hpsearch run`")
    return folder


def _at_work(run: Path) -> RunFolder:
    folder = RunFolder(Path(run))
    if folder.holder() is None:
        raise HpsearchError(f"{run}: no search is running here")
    return folder


def _study(folder: RunFolder) -> Study:
    return thaw_study(folder.study.read_text(encoding="utf-8"), folder.study)


def _rounds(folder: RunFolder) -> int:
    """Rounds that the search has, if it is not ended earlier."""
    return max(_study(folder).search.rounds, Requests(folder).rounds or 0)


def _rounds_begun(folder: RunFolder) -> int:
    with contextlib.closing(StudyReader(folder.database)) as reader:
        changes = reader.read()
    return len(changes.rounds) if changes else 0


def _has_ended(folder: RunFolder) -> bool:
    """Whether a controller would find nothing to do."""
    wanted = Requests(folder)
    if wanted.rounds_to_take_up is not None or wanted.again():
        return False
    try:
        return read_snapshot(folder.path).finished
    except RunFolderError:  # it was ended before its database was made
        return False


def _spec(folder: RunFolder, number: int) -> Spec:
    """A trial that has been recorded; most have a folder by now, which is quicker to read."""
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
