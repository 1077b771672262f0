"""Maps a data set's name to its reader, folder and options.

A name is KIND, KIND:WHAT or either with ?OPTION=VALUE&OPTION=VALUE, such as "mnist",
"emnist?split=letters" or "folder:faces?size=64".
"""

import hashlib
import inspect
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from hpsearch_trainers.cache import remember
from hpsearch_trainers.data import cifar, hubs
from hpsearch_trainers.data import idx as data_idx
from hpsearch_trainers.data import images as data_images
from hpsearch_trainers.data import npz as data_npz
from hpsearch_trainers.data import pictures as data_pictures
from hpsearch_trainers.data import stl10 as data_stl10
from hpsearch_trainers.data import svhn as data_svhn
from hpsearch_trainers.data.pictures import DataError, OptionError, Parts


@dataclass(frozen=True)
class Format:
    """The reader of a kind of data sets.

    Attributes:
        read: takes a path and options by name; for a hub also the set's name there.
        cure: the advice if a file is missing; {place} is its expected path.
        shape: of a picture, if all sets of the kind have the same.
        classes: number of classes by options, if all sets of the kind have the same.
        takes: what follows the colon in a name.
        is_slow: whether the result is cached on disk for other processes.
    """

    read: Callable[..., Parts]
    cure: str
    shape: tuple[int, int, int] | None = None
    classes: Callable[..., int] | None = None
    takes: str = ""
    is_slow: bool = False


_GET = "to get it: python trainers/get_data.py {kind} --folder {place}"
_GREY, _COLOUR = (1, 28, 28), (3, 32, 32)

FORMATS = {
    "mnist": Format(data_idx.read_mnist, _GET, _GREY, lambda: 10),
    "fashion": Format(data_idx.read_mnist, _GET, _GREY, lambda: 10),
    "emnist": Format(
        data_idx.read_emnist,
        _GET,
        _GREY,
        lambda split="balanced": data_idx.EMNIST[split],
        is_slow=True,
    ),
    "cifar10": Format(cifar.read_cifar10, _GET, _COLOUR, lambda: 10),
    "cifar100": Format(
        cifar.read_cifar100,
        _GET,
        _COLOUR,
        lambda labels="fine": 100 if labels == "fine" else 20,
    ),
    "svhn": Format(data_svhn.read_svhn, _GET, _COLOUR, lambda extra="no": 10, is_slow=True),
    "stl10": Format(
        data_stl10.read_stl10,
        _GET,
        (3, 96, 96),
        lambda unlabeled="no": 1 if unlabeled == "yes" else 10,
    ),
    "npz": Format(
        data_npz.read_npz,
        "to write one: numpy.savez(PATH, x_train=…, y_train=…, x_test=…, y_test=…)",
        takes="PATH",
    ),
    "idx": Format(
        data_idx.read_folder,
        "MNIST's names: train-images-idx3-ubyte, train-labels-idx1-ubyte and, if there is a test "
        "part, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, each plain or .gz",
        takes="FOLDER",
    ),
    "folder": Format(
        data_images.read_folder,
        "FOLDER/CLASS/*.png, FOLDER/*.png, or FOLDER/train/… and FOLDER/test/…",
        takes="FOLDER",
        is_slow=True,
    ),
    "hf": Format(hubs.read_hugging_face, "", takes="NAME", is_slow=True),
    "torchvision": Format(hubs.read_torchvision, "", takes="NAME", is_slow=True),
}
NAMES = ("digits", *(f"{k}:{f.takes}" if f.takes else k for k, f in FORMATS.items()))


@dataclass(frozen=True)
class Source:
    """A data set's files and reader.

    Attributes:
        name: the name in a study file.
        kind: key of `FORMATS`.
        place: its file or folder; None for a hub's own.
        options: of the reader, by name.
    """

    name: str
    kind: str
    place: Path | None
    options: tuple[tuple[str, str], ...]

    @property
    def shape(self) -> tuple[int, int, int] | None:
        return FORMATS[self.kind].shape

    @property
    def classes(self) -> int | None:
        """None if the labels decide."""
        classes = FORMATS[self.kind].classes
        return None if classes is None else classes(**dict(self.options))

    def read(self) -> Parts:
        """All official parts, so that a truncated file is detected at once.

        Raises:
            DataError: a file is missing or invalid; the message has the cure.
        """
        form = FORMATS[self.kind]
        options = dict(self.options)
        try:
            if form.is_slow:
                files = Path(options["name"]) if self.kind == "hf" else self.place
                return _read_once(self, _state_of(files), _state_of_readers())
            return form.read(self.place, **options)
        except OptionError:
            raise
        except DataError as error:
            cure = form.cure.format(kind=self.kind, place=shlex.quote(str(self.place)))
            raise DataError(f"{error}; {cure}" if cure else str(error)) from None


def find_source(name: str, root: str | None = None) -> Source:
    """Parse a data set's name.

    Args:
        name: of the set.
        root: the folder of its files, or the base of a relative PATH or FOLDER; by default
            $HPSEARCH_DATA/KIND and $HPSEARCH_DATA; the default of $HPSEARCH_DATA is `data` beside
            `studies`.

    Raises:
        DataError: there is no such kind or option.
    """
    head, _, tail = name.partition("?")
    kind, colon, what = head.partition(":")
    form = FORMATS.get(kind)
    if form is None or bool(form.takes) != bool(what) or (colon and not what):
        raise DataError(f"no data set {name!r} (has: {', '.join(NAMES)})")
    options = _options(name, kind, tail)
    base = Path(root).expanduser() if root else data_folder()
    if form.takes in ("PATH", "FOLDER"):
        place: Path | None = (base / Path(what).expanduser()).absolute()
    elif kind == "hf":
        place = base.absolute() if root else None
    else:
        place = (base if root else base / kind).absolute()
    if form.takes == "NAME":
        options = (("name", what), *options)
    return Source(name, kind, place, options)


def data_folder() -> Path:
    given = os.environ.get("HPSEARCH_DATA")
    return Path(given).expanduser() if given else Path(__file__).resolve().parents[3] / "data"


def _options(name: str, kind: str, text: str) -> tuple[tuple[str, str], ...]:
    try:
        given = parse_qsl(text, strict_parsing=bool(text))
    except ValueError:
        raise DataError(f"{name}: expected ?OPTION=VALUE&OPTION=VALUE, got ?{text}") from None
    parameters = list(inspect.signature(FORMATS[kind].read).parameters.values())[1:]
    known = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "name"]
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for option, _ in given:
        if option not in known and not takes_all:
            raise DataError(f"{name}: no option {option!r} (has: {', '.join(known) or 'none'})")
    return tuple(sorted(given))


@remember
def _read_once(source: Source, state: str, readers: str) -> Parts:
    """Cached as long as files, readers and name are unchanged."""
    return FORMATS[source.kind].read(source.place, **dict(source.options))


def _state_of(place: Path | None) -> str:
    """A digest of the files' names, sizes and times; constant for sets on a hub."""
    digest = hashlib.sha256()
    if place is not None and place.exists():
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file():
                status = path.stat()
                digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _state_of_readers() -> str:
    modules = (data_pictures, data_idx, cifar, data_svhn, data_stl10, data_npz, data_images)
    sources = [Path(str(module.__file__)).read_bytes() for module in (*modules, hubs)]
    return hashlib.sha256(b"\0".join(sources)).hexdigest()
