"""Augmentation policies whose operations, probabilities and magnitudes are hyperparameters.

Operations and policies are those of AutoAugment (Cubuk et al. 2019, table 6 and sec. 3): a random
sub-policy is applied to each picture, and each of its operations with its probability. All random
numbers come from the trial's noise. A magnitude of 0 has no effect, 1 has the largest; strengths
with a sign get a random one per picture.

Pictures are [n, C, H, W] in [-1, 1], which stands for 0 to 255 in the paper.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from hpsearch import HP

SLOTS = 6  # operations of all sub-policies together, at most
PER_SLOT = 4  # random numbers per picture: whether to apply it, sign, x and y of a hole
_HALF_RANGE = 127.5  # of 0 .. 255
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601

Matrix = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


def noise_shape(subpolicies: int, operations: int, batch: int) -> tuple[int, int]:
    """The shape of the normal noise for `augmented`."""
    return batch, 1 + PER_SLOT * subpolicies * operations


def augmented(images: Tensor, noise: Tensor, hp: HP) -> Tensor:
    """The pictures after the policy.

    Args:
        images: [n, C, H, W].
        noise: standard normal, of `noise_shape`.
        hp: reads `subpolicies`, `operations` (per sub-policy), `fill` (the value of pixels from
            outside) and, per slot, `op_1`, `probability_1`, `magnitude_1`, ..., with the slots of
            the first sub-policy first.
    """
    uniform = torch.special.ndtr(noise)
    drawn = uniform[:, 0] * hp.subpolicies
    for slot in range(hp.subpolicies * hp.operations):
        own = uniform[:, 1 + PER_SLOT * slot :][:, :PER_SLOT]
        subpolicy = slot // hp.operations
        is_drawn = (drawn >= subpolicy) & (drawn < subpolicy + 1)
        applies = is_drawn & (own[:, 0] < hp[f"probability_{slot + 1}"])
        sign = torch.where(own[:, 1] < 0.5, -1.0, 1.0).to(images.dtype)
        changed = operated(
            images, f"op_{slot + 1}", hp[f"magnitude_{slot + 1}"], sign, own[:, 2:], hp
        )
        images = torch.where(applies[:, None, None, None], changed, images)
    return images


def operated(
    images: Tensor, name: str, magnitude: float | Tensor, sign: Tensor, place: Tensor, hp: HP
) -> Tensor:
    """The pictures after the operation that the hyperparameter `name` holds.

    Args:
        images: [n, C, H, W].
        name: such as "op_1".
        magnitude: in [0, 1].
        sign: of each picture's strength, [n], 1 or -1.
        place: of each picture's hole, [n, 2], in (0, 1).
        hp: reads `name` and `fill`.
    """
    result: list[Tensor] = []

    def moved() -> Tensor:
        if not result:  # all geometric operations share one resampling
            zero, one = torch.zeros_like(sign), torch.ones_like(sign)
            still = torch.stack((one, zero, zero, zero, one, zero), -1)
            of = {op: lambda: still for op in CHANGES}
            of |= {
                op: lambda make=make: torch.stack(make(magnitude, sign, images), -1)
                for op, make in MOVES.items()
            }
            result.append(warped(images, hp.pick(name, of), hp.fill))
        return result[0]

    of = {op: moved for op in MOVES}
    of |= {
        op: lambda change=change: change(images, magnitude, sign, place, hp.fill)
        for op, change in CHANGES.items()
    }
    return hp.pick(name, of)


def warped(images: Tensor, matrix: Tensor, fill: float | Tensor) -> Tensor:
    """Resampled pictures: pixel (x, y) comes from (ax + by + c, dx + ey + f), interpolated.

    Args:
        images: [n, C, H, W].
        matrix: (a, b, c, d, e, f), [n, 6]; x and y are in pixels from the picture's centre.
        fill: value outside the picture.
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
    """Blend of a degenerate picture (strength 0) and the picture (1), with strength 1 ± 0.9 m."""
    strength = (1 + 0.9 * m * sign)[:, None, None, None]
    return (dull + strength * (images - dull)).clamp(-1, 1)


def _grey(images: Tensor) -> Tensor:
    """[n, 1, H, W]."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    red, green, blue = images.split(1, 1)
    return _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue


def _smoothed(images: Tensor) -> Tensor:
    """The mean over 3x3 pixels with weight 5 for the middle one; borders are unchanged."""
    if min(images.shape[-2:]) < 3:
        return images
    rows = images[..., :-2, :] + images[..., 1:-1, :] + images[..., 2:, :]
    box = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    middle = images[..., 1:-1, 1:-1]
    return images + F.pad((box + 4 * middle) / 13 - middle, (1, 1, 1, 1))


def _levels(images: Tensor) -> Tensor:
    """Pixels as integers 0 to 255."""
    return ((images + 1) * _HALF_RANGE).round()


def _posterized(images: Tensor, m: float | Tensor) -> Tensor:
    """8 to 4 bits per pixel."""
    m = torch.as_tensor(m, dtype=images.dtype, device=images.device)
    step = torch.exp2((4 * m).round())
    return (_levels(images) / step).floor() * step / _HALF_RANGE - 1


def _solarized(images: Tensor, m: float | Tensor) -> Tensor:
    """Inverts pixels from 256 (1 - m) on."""
    return torch.where(_levels(images) >= 256 * (1 - m), -images, images)


def _stretched(images: Tensor) -> Tensor:
    """Stretches each channel to the range -1 to 1."""
    low, high = images.amin((-2, -1), keepdim=True), images.amax((-2, -1), keepdim=True)
    is_flat = high <= low
    scale = 2 / torch.where(is_flat, 1.0, high - low)
    return torch.where(is_flat, images, (images - low) * scale - 1)


def _equalized(images: Tensor) -> Tensor:
    """Histogram equalisation of each channel, as by Pillow's ImageOps.equalize.

    Level l becomes ⌊(⌊s/2⌋ + pixels below l) / s⌋ with s = ⌊pixels below the highest level / 255⌋.
    Counted by sorting, which is cheaper than a histogram.
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
    """Cuts a square hole with a side of up to 0.6 heights and its centre anywhere in the picture.

    DeVries & Taylor 2017, sec. 3.
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
# Functions of pictures, magnitude, signs, places and fill.
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
