"""TensorBoard: one event file per trial, in the trial's folder.

`tensorboard --logdir RUN` shows every trial as a run: each metric over the steps, pictures, and
under HPARAMS the parameters with the last metrics. The file holds what reports.jsonl holds: where
that is rewound, and when a trial is resumed, the file is written anew. It is written with the
messages and the record format that TensorBoard reads it with.
"""

import contextlib
import io
import os
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
from tensorboard.plugins.hparams.plugin_data_pb2 import (
    HParamsPluginData,
    SessionEndInfo,
    SessionStartInfo,
)
from tensorboard.summary.writer.record_writer import RecordWriter

from hpsearch.controller.loggers.trial_snapshot import Artifact, TrialSnapshot, values_of
from hpsearch.trial import Report, Spec

_STEP = re.compile(r"(?P<tag>.*?)[-_.]?(?P<step>\d+)")  # samples-001000


class TensorboardLogger:
    name = "tensorboard"

    def __init__(self) -> None:
        self._files: dict[int, _EventFile] = {}  # of trials that have not ended

    def log(self, trial: TrialSnapshot, step: Callable[[], None]) -> None:
        number = trial.spec.number
        complete = trial.folder.tensorboard / "complete"
        # Not in the table while it is written: a file that cannot be written is begun anew.
        file = self._files.pop(number, None)
        if file is None and trial.outcome is not None and complete.exists():
            return
        if file is not None and not file.leads_to(trial):
            file.close()
            file = None
        if file is None:
            complete.unlink(missing_ok=True)
            file = _EventFile(trial)
        with contextlib.ExitStack() as stack:
            stack.callback(file.close)
            file.add(trial)
            step()
            if trial.outcome is None:
                self._files[number] = file
                stack.pop_all()
            else:
                file.end(trial)
                complete.touch()

    def close(self) -> None:
        for file in self._files.values():
            file.close()


class _EventFile:
    """The event file of a trial, which replaces any former one."""

    def __init__(self, trial: TrialSnapshot) -> None:
        folder = trial.folder.tensorboard
        folder.mkdir(parents=True, exist_ok=True)
        # Emptied, not deleted: a TensorBoard that is running waits for ever for a deleted file.
        for former in folder.glob("*tfevents*"):
            os.truncate(former, 0)
        self._reports: tuple[Report, ...] = ()
        self._pictures: dict[str, Artifact] = {}
        # TensorBoard reads a folder's files in the order of their names.
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}"
        self._file: IO[bytes] = (folder / name).open("xb")
        self._writer = RecordWriter(self._file)
        started = trial.started
        self._write(Event(wall_time=started, file_version="brain.Event:2"))
        # Makes a TensorBoard that is running forget what it read from the former file.
        start = SessionLog(status=SessionLog.START)
        self._write(Event(wall_time=started, step=0, session_log=start))
        self._write(Event(wall_time=started, summary=_session_start(trial.spec, started)))

    def leads_to(self, trial: TrialSnapshot) -> bool:
        """Whether adding to the end of the file makes it the log of the trial."""
        artifacts = {artifact.name: artifact for artifact in trial.artifacts}
        return trial.starts_with(self._reports) and all(
            artifacts.get(name) == picture or _tag_and_step(picture)[1] is None
            for name, picture in self._pictures.items()
        )

    def add(self, trial: TrialSnapshot) -> None:
        for when, report in trial.new_reports(self._reports):
            values = [
                Summary.Value(tag=name, simple_value=value)
                for name, value in values_of(report).items()
            ]
            self._write(Event(wall_time=when, step=report.step, summary=Summary(value=values)))
        self._reports = trial.reports
        for artifact in trial.artifacts:
            if artifact.path.suffix == ".png" and artifact != self._pictures.get(artifact.name):
                self._add_picture(artifact)
        self._file.flush()

    def _add_picture(self, artifact: Artifact) -> None:
        data = artifact.path.read_bytes()
        self._pictures[artifact.name] = artifact
        try:
            image = Image.open(io.BytesIO(data))
        except UnidentifiedImageError:
            return  # a file of the trainer's that only has the name of a picture
        picture = Summary.Image(
            width=image.width,
            height=image.height,
            colorspace=len(image.getbands()),
            encoded_image_string=data,
        )
        tag, step = _tag_and_step(artifact)
        if step is None:
            step = self._reports[-1].step if self._reports else 0
        summary = Summary(value=[Summary.Value(tag=tag, image=picture)])
        self._write(Event(wall_time=artifact.changed_ns / 1e9, step=step, summary=summary))

    def end(self, trial: TrialSnapshot) -> None:
        status = STATUS_SUCCESS if trial.is_complete else STATUS_FAILURE
        info = SessionEndInfo(status=status, end_time_secs=trial.ended)
        data = HParamsPluginData(session_end_info=info)
        summary = _hparams_summary(metadata.SESSION_END_INFO_TAG, data)
        self._write(Event(wall_time=trial.ended, summary=summary))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def _write(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())


def _session_start(spec: Spec, started: float) -> Summary:
    """The trial's parameters; TensorBoard shows the mean of a group, here of a confirmation."""
    is_seed = spec.role == "confirm"
    group = f"trial {spec.parent} confirmed" if is_seed else f"trial {spec.number}"
    info = SessionStartInfo(group_name=group, start_time_secs=started)
    for name, value in spec.params.items():
        if isinstance(value, bool):
            info.hparams[name].bool_value = value
        elif isinstance(value, int | float):
            info.hparams[name].number_value = value
        else:
            info.hparams[name].string_value = "null" if value is None else value
    data = HParamsPluginData(session_start_info=info)
    return _hparams_summary(metadata.SESSION_START_INFO_TAG, data)


def _hparams_summary(tag: str, data: HParamsPluginData) -> Summary:
    about = metadata.create_summary_metadata(data)
    value = Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)
    return Summary(value=[value])


def _tag_and_step(artifact: Artifact) -> tuple[str, int | None]:
    """`samples-001000.png` is `samples` at step 1000; `latest.png` has no step."""
    stem = str(Path(artifact.name).with_suffix(""))
    match = _STEP.fullmatch(stem)
    if match is None or not match["tag"]:
        return stem, None
    return match["tag"], int(match["step"])
