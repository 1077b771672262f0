"""A classifier of pictures: architecture, optimizer, regularisation, augmentation, robustness."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hpsearch import HP, Data, Evaluation, Optimizer, Padded, Schedule, Trainer
from hpsearch_trainers.classifier.adversarial import PIECE, pgd, robustness
from hpsearch_trainers.classifier.augment import SLOTS, augmented, noise_shape
from hpsearch_trainers.classifier.mixup import mixed, symmetric_beta
from hpsearch_trainers.classifier.nets import ACTIVATIONS as ACTIVATIONS
from hpsearch_trainers.classifier.nets import LAYERS, build_net, mask_shape
from hpsearch_trainers.classifier.scores import confusion, confusion_picture, score
from hpsearch_trainers.data.datasets import Part, dataset

TRAIN_ROWS = 2000  # of the training set, on which train_loss is computed, at most


class Classifier(Trainer):
    defaults = {
        "data": "digits",
        "data_dir": None,  # where its files lie, if not in the usual place
        # The network.
        "net": "mlp",  # cnn, resnet
        "depth": 1,  # hidden layers of the mlp, layers of the cnn, blocks a stage of the resnet
        "width": 64,  # of layers for which width_1 ... says nothing; of the resnet's first stage
        "activation": "relu",
        "skip": False,  # of mlp and resnet: a layer, or block, adds what it was given
        "norm": "none",  # batch; of cnn and resnet, as all that follows
        "order": "post",  # or "pre": norm and activation before the convolution
        "head": "mean",  # over the picture; or flatten
        "dense": 0,  # units of a hidden layer behind the head; 0 for none
        "stages": 3,  # of the resnet
        **{f"layer_{i}": "conv" for i in range(1, LAYERS + 1)},  # of the cnn: see KINDS
        **{f"width_{i}": 0 for i in range(1, LAYERS + 1)},  # of mlp and cnn; 0 for width
        **{f"kernel_{i}": 3 for i in range(1, LAYERS + 1)},  # of the cnn
        # The optimizer.
        "batch_size": 32,
        "optimizer": "adam",  # sgd, adam, adamw, rmsprop
        "lr": 1e-3,  # of adam, adamw and rmsprop
        "lr_sgd": 0.1,
        "momentum": 0.9,  # of sgd
        "weight_decay": 0.0,
        "schedule": "constant",  # cosine, one_cycle, step
        "schedule_steps": 1000,  # after which it is at its end
        "warmup": 0.0,  # share of these; of one_cycle 0 stands for 0.3
        "lr_final": 0.01,  # share of the learning rate at the end
        "drops": 3,  # of step
        # Regularisation.
        "dropout": 0.0,  # probability that a unit is dropped: of a hidden layer, or before the last
        "label_smoothing": 0.0,
        "mix": "none",  # mixup
        "mixup_alpha": 0.2,
        # The augmentation policy, see augment.py.
        "subpolicies": 0,  # none
        "operations": 1,  # of a sub-policy; in all up to SLOTS
        "fill": -1.0,
        **{f"op_{i}": "identity" for i in range(1, SLOTS + 1)},
        **{f"probability_{i}": 0.5 for i in range(1, SLOTS + 1)},
        **{f"magnitude_{i}": 0.5 for i in range(1, SLOTS + 1)},
        # Adversarial training; lengths for pixels in [0, 1].
        "attack_steps": 0,  # none; 1 for the fast gradient sign method
        "epsilon": 0.3,
        "attack_step": 0.1,
        "attack_start": 1.0,  # of epsilon: within which the attack begins at random; 0 for not
        # The attack of the evaluation; the same for all trials of a study.
        "robustness_rows": 0,  # pictures that are attacked at a report; 0 for no attack
        "robustness_epsilon": 0.3,
        "robustness_steps": 20,  # each of 2.5 epsilon / steps
    }
    structure = (
        *("data", "net", "depth", "activation", "skip", "norm", "order", "head", "dense", "stages"),
        *(f"{what}_{i}" for what in ("layer", "width", "kernel") for i in range(1, LAYERS + 1)),
        *("batch_size", "mix", "subpolicies", "operations", "attack_steps"),
        *("robustness_rows", "robustness_steps"),
        Padded("width"),
    )

    def data(self, hp: HP) -> Data:
        # The policy needs height and width.
        images, labels = _pictures(
            hp.data, hp.data_dir, "train", is_flat=_is_flat(hp) and not hp.subpolicies
        )
        return Data({"image": images, "label": labels}, hp.batch_size)

    def build(self, hp: HP) -> dict[str, nn.Module]:
        if hp.subpolicies * hp.operations > SLOTS:
            raise ValueError(
                f"subpolicies x operations must be at most {SLOTS}, got "
                f"{hp.subpolicies} x {hp.operations}"
            )
        if hp.mix not in ("none", "mixup"):
            raise ValueError(f"mix must be none or mixup, got {hp.mix!r}")
        of = dataset(hp.data, hp.data_dir)
        return {"net": build_net(hp, of.shape, of.classes)}

    def noise(self, hp: HP) -> dict[str, tuple[int, ...]]:
        shape = dataset(hp.data, hp.data_dir).shape
        shapes: dict[str, tuple[int, ...]] = {"dropout": mask_shape(hp, shape)}
        if hp.mix == "mixup":
            shapes["mix"] = (2,)
        if hp.subpolicies:
            shapes["policy"] = noise_shape(hp.subpolicies, hp.operations, hp.batch_size)
        if hp.attack_steps:
            channels, height, width = shape
            numbers = (channels * height * width,) if _is_flat(hp) else shape
            shapes["start"] = (hp.batch_size, *numbers)
        return shapes

    def optimizer(self, phase: str, hp: HP) -> Optimizer:
        return Optimizer(
            kind=hp.optimizer,
            lr=hp.lr_sgd if hp.optimizer == "sgd" else hp.lr,
            momentum=hp.momentum if hp.optimizer == "sgd" else 0.0,
            weight_decay=hp.weight_decay,
            schedule=schedule(hp),
        )

    def loss(
        self, phase: str, nets: Mapping[str, nn.Module], batch: Mapping[str, Tensor], hp: HP
    ) -> Tensor:
        net, images, labels = nets["net"], batch["image"], batch["label"]

        def plain(logits: Tensor) -> Tensor:
            return smoothed_cross_entropy(logits, labels, hp.label_smoothing)

        criterion = plain
        if hp.subpolicies:
            images = augmented(images, batch["policy"], hp)
            images = images.flatten(1) if _is_flat(hp) else images
        if hp.mix == "mixup":
            share = symmetric_beta(batch["mix"], hp.mixup_alpha)
            images = mixed(images, share)

            def criterion(logits: Tensor) -> Tensor:
                others = smoothed_cross_entropy(logits, labels.roll(1, 0), hp.label_smoothing)
                return share * plain(logits) + (1 - share) * others

        if hp.attack_steps:
            with _unseen(net, hp):
                images = pgd(
                    lambda x: criterion(net(x)),
                    images,
                    epsilon=hp.epsilon,
                    step_size=hp.attack_step,
                    steps=hp.attack_steps,
                    start=hp.attack_start * (2 * torch.special.ndtr(batch["start"]) - 1),
                )
        return criterion(net(images, dropout_masks(batch["dropout"], hp.dropout)))

    def inputs(self, hp: HP) -> dict[str, Tensor]:
        is_flat = _is_flat(hp)
        found = {}
        for part, rows in (("valid", None), ("train", TRAIN_ROWS)):
            images, labels = _pictures(hp.data, hp.data_dir, part, is_flat=is_flat, rows=rows)
            found |= {f"{part}_image": images, f"{part}_label": labels}
        if hp.robustness_rows:
            found["start"] = _starts((hp.robustness_rows, *found["valid_image"].shape[1:]))
        return found

    def outputs(
        self, nets: Mapping[str, nn.Module], inputs: Mapping[str, Tensor], hp: HP
    ) -> dict[str, Tensor]:
        net, labels = nets["net"], inputs["valid_label"]
        look = _in_pieces(net, hp)
        logits = look(inputs["valid_image"])
        loss, accuracy = score(logits, labels)
        train_loss, _ = score(look(inputs["train_image"]), inputs["train_label"])
        found = {"val_loss": loss, "val_accuracy": accuracy, "train_loss": train_loss}
        if hp.robustness_rows:
            rows = inputs["valid_image"][: hp.robustness_rows]
            shares = robustness(
                net, rows, labels, inputs["start"], hp.robustness_epsilon, hp.robustness_steps
            )
            found |= {f"val_{name}": share for name, share in shares.items()}
        return found | {"confusion": confusion(logits, labels)}

    def evaluate(
        self, nets: Mapping[str, nn.Module], outputs: Mapping[str, Tensor], hp: HP
    ) -> Evaluation:
        metrics = {name: float(value) for name, value in outputs.items() if not value.dim()}
        steps, rows = hp.robustness_steps, hp.robustness_rows
        attack = f"linf {hp.robustness_epsilon}, {steps} steps, {rows} pictures"
        return Evaluation(
            metrics=metrics,
            images={"confusion": confusion_picture(outputs["confusion"])},
            provenance={"attack": attack} if hp.robustness_rows else {},
        )

    def test(self, nets: Mapping[str, nn.Module], hp: HP) -> dict[str, float]:
        net = nets["net"]
        images, labels = _pictures(hp.data, hp.data_dir, "test", is_flat=_is_flat(hp))
        weights = next(net.parameters())
        images, labels = images.to(weights), labels.to(weights.device)
        loss, accuracy = score(_in_pieces(net, hp)(images), labels)
        found = {"loss": loss, "accuracy": accuracy}
        if hp.robustness_rows:
            start = _starts((hp.robustness_rows, *images.shape[1:])).to(images)
            rows = images[: hp.robustness_rows]
            found |= robustness(
                net, rows, labels, start, hp.robustness_epsilon, hp.robustness_steps
            )
        return {f"test_{name}": float(value) for name, value in found.items()}


def schedule(hp: HP) -> Schedule | None:
    """Of the learning rate; "one_cycle" rises and falls linearly (Smith & Topin 2018, sec. 3)."""
    length, final = hp.schedule_steps, hp.lr_final
    rise = round(hp.warmup * length)
    match hp.schedule:
        case "constant":
            return Schedule("constant", length, rise) if rise else None
        case "cosine":
            return Schedule("cosine", length, rise, final)
        case "one_cycle":
            return Schedule("linear", length, rise or round(0.3 * length), final)
        case "step":
            return Schedule("step", length, rise, final, hp.drops)
    raise ValueError(f"schedule must be constant, cosine, one_cycle or step, got {hp.schedule!r}")


def dropout_masks(noise: Tensor, p: float | Tensor) -> Tensor:
    """Inverted dropout (Srivastava et al. 2014, sec. 10): 0 with probability p, else 1 / (1 - p).

    Args:
        noise: standard normal, of the masks' shape.
        p: below 1; may differ between trials that are trained as one.
    """
    # The noise is compared with p's quantile: one number to compute, not one for each unit.
    p = torch.as_tensor(p, dtype=noise.dtype, device=noise.device)
    return (noise >= torch.special.ndtri(p)).to(noise.dtype) / (1 - p)


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float | Tensor) -> Tensor:
    """Cross-entropy with the label's probability 1 - s + s/K (Szegedy et al. 2016, sec. 7).

    Args:
        logits: [batch, K].
        labels: [batch], int64.
        smoothing: s; may differ between trials that are trained as one.

    Returns:
        Mean over the batch, in nats.
    """
    log_p = F.log_softmax(logits, dim=-1)
    of_label = log_p.gather(-1, labels[:, None])[:, 0]
    return -((1 - smoothing) * of_label + smoothing * log_p.mean(-1)).mean()


def _is_flat(hp: HP) -> bool:
    """Whether the network reads pictures as rows of numbers."""
    return hp.net == "mlp"


def _in_pieces(net: nn.Module, hp: HP) -> Callable[[Tensor], Tensor]:
    """The network; its intermediate results are of few pictures at a time if they are large."""
    if _is_flat(hp):
        return net
    return lambda images: torch.cat([net(piece) for piece in images.split(PIECE)])


@contextlib.contextmanager
def _unseen(net: nn.Module, hp: HP) -> Iterator[None]:
    """Batch norms go by the batch inside the block, and their running statistics stay."""
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)] if hp.norm != "none" else []
    for norm in norms:
        norm.track_running_stats = False
    yield
    for norm in norms:
        norm.track_running_stats = True


@functools.cache
def _pictures(
    name: str, root: str | None, part: Part, *, is_flat: bool, rows: int | None = None
) -> tuple[Tensor, Tensor]:
    """Pictures and labels, the same objects at each call, so that trials share them."""
    images, labels = dataset(name, root).part(part)
    return (images.flatten(1) if is_flat else images)[:rows], labels[:rows]


@functools.cache
def _starts(shape: tuple[int, ...]) -> Tensor:
    """Uniform in [-1, 1], the same at every report of every trial."""
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(0)) - 1
