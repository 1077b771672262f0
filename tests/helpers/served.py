"""A dashboard in a thread of the tests, and how they ask it."""

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.ui.dashboard.serve import Server


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def record(self) -> Any:
        return json.loads(self.body)


class Asker:
    """Sends a dashboard just what a test wants it to get."""

    def __init__(self, server: Server) -> None:
        self.port = server.port
        self.url = f"http://127.0.0.1:{server.port}"

    def __call__(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None
        if body is not None:
            data = json.dumps(body)
            fields = {"Content-Type": "application/json"} | fields
        connection.request(method, path, data, fields)
        with contextlib.closing(connection):
            answer = connection.getresponse()
            sent = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, sent, answer.read())

    def act(self, name: str, **record: Any) -> Answer:
        """As the pages do."""
        return self(f"/act/study/{name}", "POST", record, Origin=self.url)


@contextlib.contextmanager
def serving(runs: Path, **options: Any) -> Iterator[Asker]:
    server = Server(runs, port=0, **options)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield Asker(server)
    finally:
        server.close()
        thread.join(timeout=20)
        assert not thread.is_alive()
