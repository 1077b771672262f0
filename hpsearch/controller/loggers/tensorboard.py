"""TensorBoard: one event file a trial, beside the trial's own files.

`tensorboard --logdir` on the run folder shows every trial as a run: each metric over the steps,
pictures, and under HPARAMS the parameters with the last metrics. The file holds reports.jsonl, no
more and no less: where that is rewound, and when a trial is taken up again, the file is written
anew. Only what TensorBoard reads with is used to write: its own messages and record format.
"""

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

from hpsearch.controller.loggers.standing import Artifact, Standing
from hpsearch.trial import Report, Spec

_STEP = re.compile(r"(?P<tag>.*?)[-_.]?(?P<step>\d+)")  # samples-001000


class TensorboardLogger:
    name = "tensorboard"

    def __init__(self) -> None:
        self._open: dict[int, _EventFile] = {}

    def log(self, trial: Standing, step: Callable[[], None]) -> None:
        number = trial.spec.number
        # Out of the table while it is written: one that could not be is begun anew.
        file = self._open.pop(number, None)
        whole = trial.folder.tensorboard / "complete"
        if file is None and trial.outcome is not None and whole.exists():
            return
        if file is not None and not file.leads_to(trial):
            file.close()
            file = None
        if file is None:
            whole.unlink(missing_ok=True)
            file = _EventFile(trial)
        try:
            file.add(trial)
            step()
            if trial.outcome is not None:
                file.end(trial)
                whole.touch()
        except BaseException:
            file.close()
            raise
        if trial.outcome is None:
            self._open[number] = file

    def close(self) -> None:
        for file in self._open.values():
            file.close()


class _EventFile:
    """The event file of a trial, which takes the place of any former one."""

    def __init__(self, trial: Standing) -> None:
        folder = trial.folder.tensorboard
        folder.mkdir(parents=True, exist_ok=True)
        # Emptied, not deleted: a TensorBoard that watches waits for ever at a file that is gone.
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
        # A TensorBoard that watches forgets what it had read in the former file.
        start = SessionLog(status=SessionLog.START)
        self._write(Event(wall_time=started, step=0, session_log=start))
        self._write(Event(wall_time=started, summary=_session_start(trial.spec, started)))

    def leads_to(self, trial: Standing) -> bool:
        """Whether the trial's log is this file with more at its end."""
        now = {artifact.name: artifact for artifact in trial.artifacts}
        return trial.reports[: len(self._reports)] == self._reports and all(
            now.get(name) == picture or _tag_and_step(picture)[1] is None
            for name, picture in self._pictures.items()
        )

    def add(self, trial: Standing) -> None:
        known = len(self._reports)
        new = zip(trial.reports[known:], trial.times()[known:], strict=True)
        for report, when in new:
            values = [
                Summary.Value(tag=name, simple_value=float("nan") if value is None else value)
                for name, value in report.metrics.items()
            ]
            summary = Summary(value=values)
            self._write(Event(wall_time=when, step=report.step, summary=summary))
        self._reports = trial.reports
        for artifact in trial.artifacts:
            known_picture = self._pictures.get(artifact.name)
            if artifact.path.suffix == ".png" and artifact != known_picture:
                self._add_picture(artifact)
        self._file.flush()

    def _add_picture(self, artifact: Artifact) -> None:
        data = artifact.path.read_bytes()
        self._pictures[artifact.name] = artifact
        try:
            image = Image.open(io.BytesIO(data))
        except UnidentifiedImageError:
            return  # a trainer's own file, whose name alone is a picture's
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
        when = artifact.changed_ns / 1e9
        self._write(Event(wall_time=when, step=step, summary=summary))

    def end(self, trial: Standing) -> None:
        assert trial.outcome is not None
        status = STATUS_SUCCESS if trial.outcome.state == "complete" else STATUS_FAILURE
        info = SessionEndInfo(status=status, end_time_secs=trial.ended)
        summary = _of_hparams(
            metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=info)
        )
        self._write(Event(wall_time=trial.ended, summary=summary))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.close()

    def close(self) -> None:
        self._file.close()

    def _write(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())


def _session_start(spec: Spec, started: float) -> Summary:
    """The trial's parameters; the seeds of one confirmation are one group, so its mean is shown."""
    group = f"trial {spec.number}"
    if spec.role == "confirm":
        group = f"trial {spec.parent} confirmed"
    info = SessionStartInfo(group_name=group, start_time_secs=started)
    for name, value in spec.params.items():
        if isinstance(value, bool):
            info.hparams[name].bool_value = value
        elif isinstance(value, int | float):
            info.hparams[name].number_value = value
        else:
            info.hparams[name].string_value = "null" if value is None else value
    return _of_hparams(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=info))


def _of_hparams(tag: str, content: HParamsPluginData) -> Summary:
    value = Summary.Value(
        tag=tag, metadata=metadata.create_summary_metadata(content), tensor=metadata.NULL_TENSOR
    )
    return Summary(value=[value])


def _tag_and_step(artifact: Artifact) -> tuple[str, int | None]:
    """`samples-001000.png` is `samples` at step 1000; `latest.png` is at no step of its own."""
    stem = str(Path(artifact.name).with_suffix(""))
    match = _STEP.fullmatch(stem)
    if match is None or not match["tag"]:
        return stem, None
    return match["tag"], int(match["step"])
