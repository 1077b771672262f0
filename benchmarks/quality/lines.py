"""A file of one JSON object a line, appended to by one process that may be killed at any time."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpsearch.files import read_json_lines


class Lines:
    """The file's objects; a last line that a kill has torn is dropped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            written = path.read_bytes()
            whole = written[: written.rfind(b"\n") + 1]
            if whole != written:
                path.write_bytes(whole)

    def read(self) -> list[dict[str, Any]]:
        return read_json_lines(self.path)

    def append(self, record: Mapping[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
