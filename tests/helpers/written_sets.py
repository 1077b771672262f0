"""Small data sets as files of the formats that their authors publish."""

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
from PIL import Image

COUNT = 60  # enough for a picture in every part


def some(count: int, *shape: int, seed: int = 0) -> np.ndarray:
    """Random bytes [count, *shape]."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def class_labels(count: int, classes: int = 10, least: int = 0) -> np.ndarray:
    """Labels [count] that go round."""
    return (np.arange(count) % classes + least).astype(np.uint8)


def write_idx(file: Path, array: np.ndarray, *, zipped: bool = False) -> None:
    code = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}[array.dtype.str[1:]]
    head = struct.pack(f">HBB{array.ndim}i", 0, code, array.ndim, *array.shape)
    data = head + array.astype(array.dtype.newbyteorder(">")).tobytes()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(data) if zipped else data)


def write_mnist(
    folder: Path, *, zipped: bool = False, prefix: str = "", test: str = "t10k"
) -> None:
    """The four files, without an ending; `zipped` with .gz."""
    end = ".gz" if zipped else ""
    for seed, part in enumerate(("train", test)):
        write_idx(
            folder / f"{prefix}{part}-images-idx3-ubyte{end}",
            some(COUNT, 28, 28, seed=seed),
            zipped=zipped,
        )
        write_idx(
            folder / f"{prefix}{part}-labels-idx1-ubyte{end}", class_labels(COUNT), zipped=zipped
        )


def pickled_by_python_2(batch: dict[str, list[int] | np.ndarray]) -> bytes:
    """As Python 2's cPickle writes a dict of lists and arrays of bytes, in protocol 2."""
    out = b"\x80\x02}("
    for key, value in batch.items():
        out += b"U" + bytes([len(key)]) + key.encode()
        if isinstance(value, np.ndarray):
            data = value.tobytes()
            out += (
                b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
                b"(K\x01" + b"".join(b"J" + struct.pack("<i", n) for n in value.shape) + b"\x86"
                b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
                b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
                b"\x89T" + struct.pack("<i", len(data)) + data + b"tb"
            )
        else:
            out += b"](" + b"".join(b"K" + bytes([n]) for n in value) + b"e"
    return out + b"u."


def write_cifar10(folder: Path) -> None:
    for i, name in enumerate([f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]):
        batch = {
            "data": some(COUNT // 5, 3072, seed=i),
            "labels": class_labels(COUNT // 5).tolist(),
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(pickled_by_python_2(batch))


def write_cifar100(folder: Path) -> None:
    for i, name in enumerate(("train", "test")):
        fine = class_labels(COUNT, 100)
        batch = {
            "data": some(COUNT, 3072, seed=i),
            "fine_labels": fine.tolist(),
            "coarse_labels": (fine % 20).tolist(),
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))


def write_svhn(folder: Path, names: tuple[str, ...] = ("train", "test")) -> None:
    from scipy.io import savemat

    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        pixels = some(COUNT, 32, 32, 3, seed=seed).transpose(1, 2, 3, 0)
        labels = class_labels(COUNT, least=1)[:, None]
        savemat(folder / f"{name}_32x32.mat", {"X": pixels, "y": labels}, do_compression=True)


def write_stl10(folder: Path, count: int = 30) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(("train", "test", "unlabeled")):
        some(count, 3, 96, 96, seed=seed).tofile(folder / f"{name}_X.bin")
        if name != "unlabeled":
            class_labels(count, least=1).tofile(folder / f"{name}_y.bin")


def write_pictures(folder: Path, count: int, *, size=(6, 5), mode="RGB", seed=0, end="png") -> None:
    """Pictures of random pixels, `size` wide and high."""
    folder.mkdir(parents=True, exist_ok=True)
    depth = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    for i, pixels in enumerate(some(count, size[1], size[0], *depth, seed=seed)):
        Image.fromarray(pixels, mode).save(folder / f"{i:03}.{end}")
