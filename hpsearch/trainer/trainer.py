"""The form in which a trainer describes ONE trial.

It says what to build, what to draw and what to minimise, and never loops, steps or seeds: the loop
does, alone (`lone.py`) or for a whole round at once.
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
        batch_size: rows a batch, at most n; the last incomplete batch of an epoch is dropped.
    """

    train: Mapping[str, "Tensor"]
    batch_size: int


# What each kind of optimizer reads besides lr and weight_decay, and what it may be.
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
_EVERY = ("lr", "weight_decay", "clip", "average")  # what all kinds read


@dataclass(frozen=True)
class Optimizer:
    """How the parameters of one phase are updated; the fields are those of `torch.optim`.

    A field that the kind does not read is ignored, so that a study may search them all. Nesterov's
    step at momentum 0 is the plain one.

    Attributes:
        clip: the phase's parameters are kept in [-clip, clip] after each update (Arjovsky et al.
            2017, alg. 1); None for no bound.
        average: the decay of a moving average of the phase's parameters after each update (and
            after `clip`), in [0, 1). `outputs`, `evaluate` and `test` find it as the network
            `<phase>_average`, with the buffers of the raw network. 0 is the network itself; None
            for no such network, which the trials of a group must agree in.

    Raises:
        TrainerError: a field is out of its range; all that are wrong are named.
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
            for name in (*_EVERY, *_READS[self.kind])
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
            # An eps of 0 makes 0 / 0 of a weight that never had a gradient, such as a padded one.
            case "above 0":
                return bool(0 < value < math.inf)
        return bool(0 <= value < math.inf)

    def rate(self, updates: int) -> float:
        """The learning rate of the update that follows `updates` others of the phase."""
        lr = float(self.lr)
        return lr if self.schedule is None else lr * self.schedule.factor(updates)


@dataclass(frozen=True)
class Evaluation:
    """What a trainer says of its networks at a report."""

    metrics: Mapping[str, float]
    images: Mapping[str, "np.ndarray[Any, Any]"] = field(default_factory=dict)
    collapsed: str | None = None  # why the trial counts as collapsed
    # Why the discriminator counts as saturated: it gives the generator nothing to learn from. Of a
    # trial that is also collapsed this is what is said.
    saturated: str | None = None
    # What the metrics were measured with: values of unlike provenance are not compared.
    provenance: Mapping[str, str | int] = field(default_factory=dict)


class Trainer:
    """One trial, as ordinary PyTorch.

    Attributes:
        defaults: every hyperparameter that the trainer knows, with the value it has when the study
            does not give one. A study that names another is refused before anything runs.
        structure: hyperparameters in which trials that share a fused group must agree. In `loss`
            and `outputs` these are plain values (a padded one is the group's size), any other
            number may be a tensor without dimensions, and any other choice goes through `hp.pick`.
        phases: the networks that are trained, in the order of their turns; a GAN has two.
    """

    defaults: ClassVar[Mapping[str, Any]] = {}
    structure: ClassVar[tuple[str | Padded | Alike, ...]] = ()
    phases: ClassVar[tuple[str, ...]] = ("net",)

    def data(self, hp: HP) -> Data:
        """The training set, already on the CPU; the loop moves it to the trial's device."""
        raise NotImplementedError(f"{type(self).__name__}.data")

    def build(self, hp: HP) -> "dict[str, nn.Module]":
        """Fresh networks by name, on the CPU; torch's global seed is the trial's at this point."""
        raise NotImplementedError(f"{type(self).__name__}.build")

    def noise(self, hp: HP) -> dict[str, tuple[int, ...]]:
        """Shapes of standard normal tensors that a step needs, by their name in the batch.

        `torch.special.ndtr` makes them uniform in (0, 1).
        """
        return {}

    def optimizer(self, phase: str, hp: HP) -> Optimizer:
        return Optimizer(lr=hp.lr)

    def repeats(self, phase: str, hp: HP) -> int:
        """Steps that the phase takes in a row before the next phase has its turn."""
        return 1

    def loss(
        self,
        phase: str,
        nets: "Mapping[str, nn.Module]",
        batch: "Mapping[str, Tensor]",
        hp: HP,
    ) -> "Tensor":
        """The scalar that a step of `phase` descends, in the parameters of nets[phase] alone.

        Pure and clean for `torch.func.vmap`: no optimizer, no `.item()`, no `if` on a tensor, no
        random numbers but those of the batch, `torch.func.grad` in place of
        `autograd.grad(create_graph=True)`. The networks are in train() mode.
        """
        raise NotImplementedError(f"{type(self).__name__}.loss")

    def inputs(self, hp: HP) -> "Mapping[str, Tensor]":
        """What `outputs` reads at every report: validation pictures, fixed latents. On the CPU.

        A tensor that is the same object for all trials is shared between them, not copied.
        """
        return {}

    def outputs(
        self, nets: "Mapping[str, nn.Module]", inputs: "Mapping[str, Tensor]", hp: HP
    ) -> "Mapping[str, Tensor]":
        """The pass of the networks, in eval() mode, that evaluation needs; pure, like `loss`."""
        return {}

    def evaluate(
        self, nets: "Mapping[str, nn.Module]", outputs: "Mapping[str, Tensor]", hp: HP
    ) -> Evaluation:
        """Validation metrics and pictures at a report, without gradients and in eval() mode.

        Args:
            nets: of this one trial, on its device.
            outputs: what `outputs` gave for it, on the trial's device.
            hp: plain values. torch's global generator is in a fixed state, so the same networks
                give the same numbers.
        """
        raise NotImplementedError(f"{type(self).__name__}.evaluate")

    def test(self, nets: "Mapping[str, nn.Module]", hp: HP) -> Mapping[str, float]:
        """Metrics on test data, named test_*; asked for once, at the end of a confirmation."""
        return {}
