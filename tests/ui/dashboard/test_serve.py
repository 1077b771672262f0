"""The dashboard's address, its token, and its command."""

import http.client
import json
import os
import socket
import subprocess
import sys

import pytest
from searches import HPSEARCH, PACKAGE
from served import serving

from hpsearch.errors import HpsearchError
from hpsearch.ui.dashboard.serve import Server


def test_by_default_only_this_machine_can_connect(finished):
    server = Server(finished.runs, port=0)
    try:
        assert server.url == f"http://127.0.0.1:{server.port}/"
        elsewhere = socket.gethostbyname(socket.gethostname())
        if not elsewhere.startswith("127."):
            with pytest.raises(OSError):
                socket.create_connection((elsewhere, server.port), timeout=5)
    finally:
        server.close()


def test_a_host_for_other_machines_always_requires_a_token(finished):
    with serving(finished.runs, host="0.0.0.0") as ask:
        assert ask("/data/studies").status == 401
        assert ask("/api/studies").status == 401
    server = Server(finished.runs, host="0.0.0.0", port=0)
    token = server.url.partition("?token=")[2]
    server.close()
    assert len(token) >= 32


def test_a_short_token_and_a_port_in_use_are_refused_with_the_cure(finished):
    with pytest.raises(HpsearchError, match="at least 16 characters, got 5"):
        Server(finished.runs, port=0, token="short")
    server = Server(finished.runs, port=0)
    try:
        with pytest.raises(HpsearchError, match="is in use; choose another with --port"):
            Server(finished.runs, port=server.port)
    finally:
        server.close()


def test_the_command_serves_until_it_is_terminated(finished):
    environment = os.environ | {"PYTHONPATH": str(PACKAGE)}
    command = [*HPSEARCH, "dashboard", str(finished.runs), "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        port = int(url.rstrip("/").rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/data/studies")
        assert json.loads(connection.getresponse().read())["studies"][0]["id"] == "s"
        connection.close()
        process.terminate()
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_missing_folder_is_named(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-m", "hpsearch", "dashboard", str(tmp_path / "none")],
        env=os.environ | {"PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 2
    assert "no such folder; give the folder that holds the run folders" in answer.stderr
