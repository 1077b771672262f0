"""A policy of picture operations, each with a probability and a magnitude, as hyperparameters.

The operations and the form of a policy are AutoAugment's (Cubuk et al. 2019, table 6 and sec. 3): a
picture takes one of several sub-policies at random, and each operation of it with its probability.
Randomness comes from the trial's own noise. Where an operation has a magnitude, 0 does nothing and
1 the most; where the paper's strength has a sign, it is drawn for each picture.

Pictures are [n, C, H, W] in [-1, 1], for 0 to 255 in the paper.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from hpsearch import HP

SLOTS = 6  # operations of all sub-policies together, at most
PER_SLOT = 4  # random numbers a picture: whether it is applied, its sign, a place
_HALF_RANGE = 127.5  # of 0 .. 255
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601

Matrix = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


def noise_shape(subpolicies: int, operations: int, batch: int) -> tuple[int, int]:
    """Of the normal noise that `augmented` needs."""
    return batch, 1 + PER_SLOT * subpolicies * operations


def augmented(images: Tensor, noise: Tensor, hp: HP) -> Tensor:
    """The pictures after the policy.

    Args:
        images: [n, C, H, W].
        noise: standard normal, of `noise_shape`.
        hp: `subpolicies`, `operations` (of each), `fill` (the pixel that comes in from outside),
            and of each slot `op_1`, `probability_1`, `magnitude_1` and so on, slots of the first
            sub-policy first.
    """
    uniform = torch.special.ndtr(noise)
    mine = uniform[:, 0] * hp.subpolicies
    for slot in range(hp.subpolicies * hp.operations):
        own = uniform[:, 1 + PER_SLOT * slot :][:, :PER_SLOT]
        subpolicy = slot // hp.operations
        is_mine = (mine >= subpolicy) & (mine < subpolicy + 1)
        applies = is_mine & (own[:, 0] < hp[f"probability_{slot + 1}"])
        sign = torch.where(own[:, 1] < 0.5, -1.0, 1.0).to(images.dtype)
        changed = operated(
            images, f"op_{slot + 1}", hp[f"magnitude_{slot + 1}"], sign, own[:, 2:], hp
        )
        images = torch.where(applies[:, None, None, None], changed, images)
    return images


def operated(
    images: Tensor, name: str, magnitude: float | Tensor, sign: Tensor, place: Tensor, hp: HP
) -> Tensor:
    """The pictures after the operation that the hyperparameter `name` says.

    Args:
        images: [n, C, H, W].
        name: such as "op_1".
        magnitude: in [0, 1].
        sign: of each picture's strength, [n], 1 or -1.
        place: of each picture's hole, [n, 2], in (0, 1).
        hp: has `name` and `fill`.
    """
    found: list[Tensor] = []

    def moved() -> Tensor:
        if not found:  # one look for all operations of the kind
            zero, one = torch.zeros_like(sign), torch.ones_like(sign)
            still = torch.stack((one, zero, zero, zero, one, zero), -1)
            of = {op: lambda: still for op in CHANGES}
            of |= {
                op: lambda make=make: torch.stack(make(magnitude, sign, images), -1)
                for op, make in MOVES.items()
            }
            found.append(warped(images, hp.pick(name, of), hp.fill))
        return found[0]

    of = {op: moved for op in MOVES}
    of |= {
        op: lambda change=change: change(images, magnitude, sign, place, hp.fill)
        for op, change in CHANGES.items()
    }
    return hp.pick(name, of)


def warped(images: Tensor, matrix: Tensor, fill: float | Tensor) -> Tensor:
    """Pictures whose pixel at (x, y) is the one at (ax + by + c, dx + ey + f), interpolated.

    Args:
        images: [n, C, H, W].
        matrix: (a, b, c, d, e, f), [n, 6]; x and y are in pixels from the picture's centre.
        fill: what lies outside.
    """
    _, _, height, width = images.shape
    like = {"dtype": images.dtype, "device": images.device}
    y = torch.arange(height, **like)[:, None] - (height - 1) / 2
    x = torch.arange(width, **like)[None, :] - (width - 1) / 2
    a, b, c, d, e, f = (part[:, None, None] for part in matrix.unbind(-1))
    from_x, from_y = a * x + b * y + c, d * x + e * y + f
    grid = torch.stack((from_x * (2 / width), from_y * (2 / height)), -1)
    return F.grid_sample(images - fill, grid, align_corners=False) + fill


def _shear_x(m: float | Tensor, sign: Tensor, images: Tensor) -> Matrix:
    zero, one = torch.zeros_like(sign), torch.ones_like(sign)
    return one, 0.3 * m * sign, zero, zero, one, zero


def _shear_y(m: float | Tensor, sign: Tensor, images: Tensor) -> Matrix:
    zero, one = torch.zeros_like(sign), torch.ones_like(sign)
    return one, zero, zero, 0.3 * m * sign, one, zero


def _translate_x(m: float | Tensor, sign: Tensor, images: Tensor) -> Matrix:
    zero, one = torch.zeros_like(sign), torch.ones_like(sign)
    return one, zero, 0.3 * m * sign * images.shape[-1], zero, one, zero


def _translate_y(m: float | Tensor, sign: Tensor, images: Tensor) -> Matrix:
    zero, one = torch.zeros_like(sign), torch.ones_like(sign)
    return one, zero, zero, zero, one, 0.3 * m * sign * images.shape[-2]


def _rotate(m: float | Tensor, sign: Tensor, images: Tensor) -> Matrix:
    zero, angle = torch.zeros_like(sign), math.radians(30) * m * sign
    return angle.cos(), -angle.sin(), zero, angle.sin(), angle.cos(), zero


def _mirror(m: float | Tensor, sign: Tensor, images: Tensor) -> Matrix:
    zero, one = torch.zeros_like(sign), torch.ones_like(sign)
    return -one, zero, zero, zero, one, zero


def _enhanced(images: Tensor, dull: Tensor, m: float | Tensor, sign: Tensor) -> Tensor:
    """Between a dull picture (strength 0) and the picture (1), or beyond it: 1 ± 0.9 m."""
    strength = (1 + 0.9 * m * sign)[:, None, None, None]
    return (dull + strength * (images - dull)).clamp(-1, 1)


def _grey(images: Tensor) -> Tensor:
    """[n, 1, H, W]."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    red, green, blue = images.split(1, 1)
    return _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue


def _smoothed(images: Tensor) -> Tensor:
    """The mean over 3x3 pixels, the one in the middle five times as heavy; borders stay."""
    if min(images.shape[-2:]) < 3:
        return images
    rows = images[..., :-2, :] + images[..., 1:-1, :] + images[..., 2:, :]
    box = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    middle = images[..., 1:-1, 1:-1]
    return images + F.pad((box + 4 * middle) / 13 - middle, (1, 1, 1, 1))


def _levels(images: Tensor) -> Tensor:
    """The whole numbers 0 to 255."""
    return ((images + 1) * _HALF_RANGE).round()


def _posterized(images: Tensor, m: float | Tensor) -> Tensor:
    """With 8 to 4 bits a pixel."""
    m = torch.as_tensor(m, dtype=images.dtype, device=images.device)
    step = torch.exp2((4 * m).round())
    return (_levels(images) / step).floor() * step / _HALF_RANGE - 1


def _solarized(images: Tensor, m: float | Tensor) -> Tensor:
    """With pixels from 256 (1 - m) on inverted."""
    return torch.where(_levels(images) >= 256 * (1 - m), -images, images)


def _stretched(images: Tensor) -> Tensor:
    """With each channel's pixels from -1 to 1."""
    low, high = images.amin((-2, -1), keepdim=True), images.amax((-2, -1), keepdim=True)
    is_flat = high <= low
    scale = 2 / torch.where(is_flat, 1.0, high - low)
    return torch.where(is_flat, images, (images - low) * scale - 1)


def _equalized(images: Tensor) -> Tensor:
    """With each channel's histogram as flat as it can be made by a table of levels.

    Level l becomes ⌊(⌊s/2⌋ + pixels below l) / s⌋, with s a 255th of the pixels that are not of the
    highest level (Pillow's ImageOps.equalize). Sorting counts them: a histogram would be dearer.
    """
    levels = _levels(images).flatten(2)
    order = levels.argsort(-1)
    ascending = levels.gather(-1, order)
    count = levels.shape[-1]
    position = torch.arange(count, dtype=levels.dtype, device=levels.device)
    begins = F.pad(ascending[..., 1:] > ascending[..., :-1], (1, 0), value=True)
    below = torch.where(begins, position, 0.0).cummax(-1).values
    step = ((below[..., -1:]) / 255).floor()
    table = torch.where(
        step > 0,
        (((step / 2).floor() + below) / step.clamp_min(1)).floor().clamp_max(255),
        ascending,
    )
    rank = order.argsort(-1)
    return (table.gather(-1, rank) / _HALF_RANGE - 1).view(images.shape)


def _cut(images: Tensor, m: float | Tensor, place: Tensor, fill: float | Tensor) -> Tensor:
    """With a square hole, of up to 0.6 of the height, which may stick out of the picture.

    DeVries & Taylor 2017, sec. 3: its centre is anywhere in the picture.
    """
    _, _, height, width = images.shape
    like = {"dtype": images.dtype, "device": images.device}
    y = (torch.arange(height, **like) + 0.5)[None, :, None]
    x = (torch.arange(width, **like) + 0.5)[None, None, :]
    centre_y, centre_x = place[:, 0, None, None] * height, place[:, 1, None, None] * width
    reach = 0.3 * m * height
    hole = ((y - centre_y).abs() < reach) & ((x - centre_x).abs() < reach)
    return torch.where(hole[:, None], fill, images)


MOVES: dict[str, Callable[[float | Tensor, Tensor, Tensor], Matrix]] = {
    "shear_x": _shear_x,
    "shear_y": _shear_y,
    "translate_x": _translate_x,
    "translate_y": _translate_y,
    "rotate": _rotate,
    "mirror": _mirror,
}
# Of pictures, magnitude, signs, places and fill.
CHANGES: dict[str, Callable[..., Tensor]] = {
    "identity": lambda x, m, sign, place, fill: x,
    "brightness": lambda x, m, sign, place, fill: _enhanced(x, -torch.ones_like(x), m, sign),
    "contrast": lambda x, m, sign, place, fill: _enhanced(
        x, _grey(x).mean((1, 2, 3), keepdim=True), m, sign
    ),
    "color": lambda x, m, sign, place, fill: _enhanced(x, _grey(x), m, sign),
    "sharpness": lambda x, m, sign, place, fill: _enhanced(x, _smoothed(x), m, sign),
    "posterize": lambda x, m, sign, place, fill: _posterized(x, m),
    "solarize": lambda x, m, sign, place, fill: _solarized(x, m),
    "invert": lambda x, m, sign, place, fill: -x,
    "autocontrast": lambda x, m, sign, place, fill: _stretched(x),
    "equalize": lambda x, m, sign, place, fill: _equalized(x),
    "cutout": lambda x, m, sign, place, fill: _cut(x, m, place, fill),
}
OPERATIONS = (*MOVES, *CHANGES)
