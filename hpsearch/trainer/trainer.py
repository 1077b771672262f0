"""The interface of trainers, which describe one trial.

A trainer defines networks, noise and losses. Loops, steps and seeds belong to `loop.py`, for one
trial, or to `fused/`, for a group.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hpsearch.errors import TrainerError
from hpsearch.method import Alike, Padded
from hpsearch.trainer.run import HP
from hpsearch.trainer.schedule import Schedule

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn


@dataclass(frozen=True)
class Data:
    """What a trial trains on.

    Attributes:
        train: tensors of equal first dimension [n, ...]; a batch takes the same rows of each.
        batch_size: rows per batch, at most n; an epoch's last incomplete batch is dropped.
    """

    train: Mapping[str, "Tensor"]
    batch_size: int


# The fields that each kind of optimizer reads besides _COMMON, and the ranges of all fields.
_READS = {
    "sgd": ("momentum",),
    "adam": ("betas", "eps"),
    "adamw": ("betas", "eps"),
    "rmsprop": ("momentum", "alpha", "eps"),
}
_RANGES = {
    "lr": "at least 0",
    "weight_decay": "at least 0",
    "momentum": "at least 0",
    "betas": "in [0, 1)",
    "alpha": "in [0, 1)",
    "eps": "above 0",
    "clip": "above 0",
    "average": "in [0, 1)",
}
_COMMON = ("lr", "weight_decay", "clip", "average")


@dataclass(frozen=True)
class Optimizer:
    """How the parameters of one phase are updated; the fields are those of `torch.optim`.

    Fields that the kind does not read are ignored, so that a study may search all of them.
    `nesterov` has no effect at momentum 0.

    Attributes:
        clip: clamp the phase's parameters to [-clip, clip] after each update (Arjovsky et al. 2017,
            alg. 1); None for no bound.
        average: the decay, in [0, 1), of a moving average of the phase's parameters after each
            update and `clip`. `outputs`, `evaluate` and `test` get it as the network
            `<phase>_average`, with the buffers of the raw network. 0 averages nothing; None makes
            no such network, and all trials of a group must agree on that.

    Raises:
        TrainerError: fields are out of their ranges; the message names all of them.
    """

    kind: Literal["sgd", "adam", "adamw", "rmsprop"] = "adam"
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)  # adam, adamw
    momentum: float = 0.0  # sgd, rmsprop
    nesterov: bool = False  # sgd
    weight_decay: float = 0.0
    eps: float = 1e-8  # adam, adamw, rmsprop
    alpha: float = 0.99  # rmsprop
    schedule: Schedule | None = None
    clip: float | None = None
    average: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in _READS:
            raise TrainerError(
                f"optimizer: kind must be sgd, adam, adamw or rmsprop, got {self.kind!r}"
            )
        faults = [
            f"{name} must be {_RANGES[name]}, got {getattr(self, name)}"
            for name in (*_COMMON, *_READS[self.kind])
            if not self._is_in_range(name)
        ]
        if faults:
            raise TrainerError(f"optimizer: {'; '.join(faults)}")

    def _is_in_range(self, name: str) -> bool:
        value = getattr(self, name)
        if value is None and name in ("clip", "average"):
            return True
        match _RANGES[name]:
            case "in [0, 1)":
                return all(0 <= x < 1 for x in (value if name == "betas" else [value]))
            # With eps 0 the update of a weight without gradients, such as padding, is 0 / 0.
            case "above 0":
                return bool(0 < value < math.inf)
        return bool(0 <= value < math.inf)

    def rate(self, updates: int) -> float:
        """The learning rate of the update after `updates` others of the phase."""
        lr = float(self.lr)
        return lr if self.schedule is None else lr * self.schedule.factor(updates)


@dataclass(frozen=True)
class Evaluation:
    metrics: Mapping[str, float]
    images: Mapping[str, "np.ndarray[Any, Any]"] = field(default_factory=dict)
    collapsed: str | None = None  # why the trial counts as collapsed
    # Why the discriminator counts as saturated: the generator has no gradient to learn from. It
    # takes precedence over `collapsed`.
    saturated: str | None = None
    # What the metrics were measured with: values of different provenance are not compared.
    provenance: Mapping[str, str | int] = field(default_factory=dict)


class Trainer:
    """One trial, as ordinary PyTorch.

    Attributes:
        defaults: all hyperparameters of the trainer with their default values. A study that names
            another hyperparameter is refused before anything runs.
        structure: hyperparameters that are equal in all trials of a fused group. In `loss` and
            `outputs` they are plain values (for `Padded`, the group's size); other numbers may be
            tensors without dimensions, and other choices go through `hp.pick`.
        phases: names of the networks that are trained, in the order of their updates.
    """

    defaults: ClassVar[Mapping[str, Any]] = {}
    structure: ClassVar[tuple[str | Padded | Alike, ...]] = ()
    phases: ClassVar[tuple[str, ...]] = ("net",)

    def data(self, hp: HP) -> Data:
        """The training set, on the CPU; the loop moves it to the trial's device."""
        raise NotImplementedError(f"{type(self).__name__}.data")

    def build(self, hp: HP) -> "dict[str, nn.Module]":
        """New networks by name, on the CPU; torch's global generator has the trial's seed."""
        raise NotImplementedError(f"{type(self).__name__}.build")

    def noise(self, hp: HP) -> dict[str, tuple[int, ...]]:
        """Shapes of the standard normal tensors that each batch contains, by name.

        `torch.special.ndtr` transforms them to uniform numbers in (0, 1).
        """
        return {}

    def optimizer(self, phase: str, hp: HP) -> Optimizer:
        return Optimizer(lr=hp.lr)

    def repeats(self, phase: str, hp: HP) -> int:
        """The number of consecutive steps of a phase, before the next phase's."""
        return 1

    def loss(
        self,
        phase: str,
        nets: "Mapping[str, nn.Module]",
        batch: "Mapping[str, Tensor]",
        hp: HP,
    ) -> "Tensor":
        """The scalar that a step of `phase` minimises in the parameters of nets[phase].

        Must be pure and work under `torch.func.vmap`: no optimizer, no `.item()`, no `if` on a
        tensor, no random numbers except those of the batch, and `torch.func.grad` in place of
        `autograd.grad(create_graph=True)`. The networks are in train() mode.
        """
        raise NotImplementedError(f"{type(self).__name__}.loss")

    def inputs(self, hp: HP) -> "Mapping[str, Tensor]":
        """Tensors that `outputs` reads, on the CPU: validation images, fixed latents.

        A tensor that is the same object for all trials is shared, not copied.
        """
        return {}

    def outputs(
        self, nets: "Mapping[str, nn.Module]", inputs: "Mapping[str, Tensor]", hp: HP
    ) -> "Mapping[str, Tensor]":
        """The forward passes that `evaluate` needs, in eval() mode; pure, like `loss`."""
        return {}

    def evaluate(
        self, nets: "Mapping[str, nn.Module]", outputs: "Mapping[str, Tensor]", hp: HP
    ) -> Evaluation:
        """Validation metrics and images at a report, without gradients and in eval() mode.

        torch's global generator is in a fixed state, so equal networks give equal metrics. Networks
        and the trial's `outputs` lie on its device; hyperparameters are plain values.
        """
        raise NotImplementedError(f"{type(self).__name__}.evaluate")

    def test(self, nets: "Mapping[str, nn.Module]", hp: HP) -> Mapping[str, float]:
        """Metrics on test data, named test_*; called once, at the end of a confirmation."""
        return {}
