"""The form in which a trainer describes ONE trial.

It says what to build, what to draw and what to minimise, and never loops, steps or seeds: the loop
does, alone (`lone.py`) or for a whole round at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hpsearch.groups import Alike, Padded
from hpsearch.run import HP

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


@dataclass(frozen=True)
class Optimizer:
    """How the parameters of one phase are updated; the fields are those of `torch.optim`."""

    kind: Literal["sgd", "adam", "adamw", "rmsprop"] = "adam"
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)  # adam, adamw
    momentum: float = 0.0  # sgd, rmsprop
    nesterov: bool = False  # sgd
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Evaluation:
    """What a trainer says of its networks at a report."""

    metrics: Mapping[str, float]
    images: Mapping[str, "np.ndarray[Any, Any]"] = field(default_factory=dict)
    collapsed: str | None = None  # why the trial counts as collapsed
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
