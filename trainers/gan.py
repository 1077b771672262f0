"""A GAN with a choice of loss, penalty, normalisation, conditioning and packing.

The discriminator gives one score per picture. The objective is `fid`, the Fréchet distance in the
features of `metrics/features.py` (not Inception's). Every report also has the mean scores of real
and generated pictures, both losses and the norms of their gradients.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hpsearch import HP, Alike, Data, Evaluation, Optimizer, Padded, Schedule, Trainer
from hpsearch.errors import TrainerError
from hpsearch_trainers.data.datasets import dataset
from hpsearch_trainers.gan.game import (
    critic_loss,
    generated,
    generator_objective,
    labelled_batch,
    packed,
    scored,
    watch,
)
from hpsearch_trainers.gan.losses import LOSSES as LOSSES
from hpsearch_trainers.gan.losses import PENALTIES, gradient_penalty, squared_gradient
from hpsearch_trainers.gan.nets import discriminator, generator
from hpsearch_trainers.gan.reports import (
    GRID,
    SAMPLES,
    every_class,
    fidelity,
    further_metrics,
    latents,
    sheet,
    watched,
    why_collapsed,
    why_saturated,
)
from hpsearch_trainers.metrics.features import extractor, raw_features


class GAN(Trainer):
    defaults = {
        "data": "digits",  # or another name of a data set
        "data_dir": None,
        "architecture": "mlp",  # dcgan
        "conditional": "none",  # acgan, projection
        "class_weight": 1.0,  # of acgan's cross-entropies
        "loss": "non_saturating",  # minimax, wgan, least_squares, hinge, loss_sensitive
        "margin_weight": 1.0,  # of loss_sensitive
        "penalty": "none",  # gradient, r1, dragan; wgan needs one, or clip
        "penalty_weight": 1.0,
        "clip": 0.0,  # bound of the discriminator's weights; 0 for none
        "normalization": "none",  # of the discriminator: batch, layer, spectral
        "generator_penalty": "none",  # gradient_norm
        "generator_penalty_weight": 1.0,
        "pack": 1,  # pictures that the discriminator sees as one
        "lr_g": 1e-3,
        "lr_d": 1e-3,
        "beta1": 0.5,
        "beta2": 0.99,
        "samples": 0,  # real pictures after which both rates, falling linearly, are 0; 0 for never
        "average": None,  # decay of the generator's moving average; None for no average
        "metrics": "",  # besides fid and coverage: names of metrics/table.py, separated by spaces
        "n_critic": 1,  # updates of the discriminator for one of the generator
        "depth": 2,
        "width": 128,
        "z_dim": 16,
        "batch_size": 64,
    }
    structure = (
        "data",
        "data_dir",
        "architecture",
        "conditional",
        "normalization",
        "generator_penalty",
        "pack",
        "depth",
        "batch_size",
        "n_critic",
        Padded("width", sizes=4),
        Padded("z_dim", sizes=1),
        Alike("penalty", PENALTIES),  # "none" is apart: it takes no gradient
    )
    phases = ("discriminator", "generator")

    def data(self, hp: HP) -> Data:
        images, labels = dataset(hp.data, hp.data_dir).part("train")
        rows = {"image": images}
        return Data(rows if hp.conditional == "none" else rows | {"label": labels}, hp.batch_size)

    def build(self, hp: HP) -> dict[str, nn.Module]:
        _check(hp)
        data = dataset(hp.data, hp.data_dir)
        channels, *size = data.shape
        told = 0 if hp.conditional == "none" else data.classes
        return {
            "discriminator": discriminator(
                hp.architecture,
                (hp.pack * channels, *size),
                hp.width,
                hp.depth,
                hp.normalization,
                outputs=1 + told if hp.conditional == "acgan" else 1,
                classes=told if hp.conditional == "projection" else 0,
            ),
            "generator": generator(hp.architecture, data.shape, hp.z_dim, hp.width, hp.depth, told),
        }

    def noise(self, hp: HP) -> dict[str, tuple[int, ...]]:
        channels, *size = dataset(hp.data, hp.data_dir).shape
        packs = hp.batch_size // hp.pack
        shapes: dict[str, tuple[int, ...]] = {"z": (hp.batch_size, hp.z_dim)}
        if hp.penalty == "gradient":
            shapes["mix"] = (packs, 1)
        elif hp.penalty == "dragan":
            shapes["away"] = (packs, hp.pack * channels, *size)
        if hp.conditional != "none":
            shapes["kind"] = (hp.batch_size,)
        return shapes

    def optimizer(self, phase: str, hp: HP) -> Optimizer:
        is_critic = phase == "discriminator"
        updates = hp.samples // hp.batch_size // (1 if is_critic else hp.n_critic)
        return Optimizer(
            "adam",
            lr=hp.lr_d if is_critic else hp.lr_g,
            betas=(hp.beta1, hp.beta2),
            clip=(hp.clip or None) if is_critic else None,
            average=None if is_critic else hp.average,
            schedule=Schedule("linear", max(1, updates)) if hp.samples else None,
        )

    def repeats(self, phase: str, hp: HP) -> int:
        return hp.n_critic if phase == "discriminator" else 1

    def loss(
        self, phase: str, nets: Mapping[str, nn.Module], batch: Mapping[str, Tensor], hp: HP
    ) -> Tensor:
        critic, real, wanted = nets["discriminator"], *labelled_batch(batch, hp)
        fake = generated(nets["generator"], batch["z"], wanted)
        if phase == "generator":
            loss = generator_objective(critic, fake, hp)
            if hp.generator_penalty == "gradient_norm":
                square, _ = squared_gradient(critic, lambda d: critic_loss(d, real, fake, hp))
                loss = loss + hp.generator_penalty_weight * square
            return loss
        loss = critic_loss(critic, real, fake, hp)
        if hp.among("penalty", *PENALTIES):
            places = packed(real[0], hp.pack), packed(fake[0], hp.pack)
            penalty = gradient_penalty(
                lambda x: scored(critic, x, real[1], hp)[0], *places, batch, hp
            )
            loss = loss + hp.penalty_weight * penalty
        return loss

    def inputs(self, hp: HP) -> dict[str, Tensor]:
        found = {"z": latents(hp.z_dim), **extractor(hp.data, hp.data_dir).weights}
        found["watched"], labels = watched(hp.data, hp.data_dir)
        if hp.conditional == "none":
            return found
        return found | {"labels": every_class(labels.shape[1]), "watched_labels": labels}

    def outputs(
        self, nets: Mapping[str, nn.Module], inputs: Mapping[str, Tensor], hp: HP
    ) -> dict[str, Tensor]:
        images, _ = generated(nets["generator"], inputs["z"], inputs.get("labels"))
        found = {"features": raw_features(images, inputs), "first": images[: GRID * GRID]}
        if "generator_average" in nets:
            images, _ = generated(nets["generator_average"], inputs["z"], inputs.get("labels"))
            found["features_average"] = raw_features(images, inputs)
        return found | watch(nets, inputs, hp)

    def evaluate(
        self, nets: Mapping[str, nn.Module], outputs: Mapping[str, Tensor], hp: HP
    ) -> Evaluation:
        extract = extractor(hp.data, hp.data_dir)
        seen = {n: float(outputs[n]) for n in outputs if outputs[n].dim() == 0}
        gap = seen.pop("gap")
        fid, covered, spread = fidelity(extract.scaled(outputs["features"]), "valid", *_place(hp))
        metrics = {"fid": fid, "coverage": covered}
        if "features_average" in outputs:
            average = fidelity(extract.scaled(outputs["features_average"]), "valid", *_place(hp))
            metrics |= {"fid_average": average[0], "coverage_average": average[1]}
        asked = hp.metrics.split()
        more, measured_with = further_metrics(
            asked, extract.scaled(outputs["features"]), *_place(hp)
        )
        return Evaluation(
            metrics=metrics | more | seen,
            images={"samples": sheet(outputs["first"])},
            collapsed=why_collapsed(covered, spread),
            saturated=why_saturated(gap, seen["gradient_g"]),
            provenance={"extractor": extract.sha256, "samples": SAMPLES, **measured_with},
        )

    def test(self, nets: Mapping[str, nn.Module], hp: HP) -> dict[str, float]:
        metrics = {}
        for name in ("", "_average"):
            if (net := nets.get(f"generator{name}")) is None:
                continue
            z = latents(hp.z_dim).to(next(net.parameters()))
            classes = dataset(hp.data, hp.data_dir).classes
            labels = None if hp.conditional == "none" else every_class(classes).to(z)
            images, _ = generated(net, z, labels)
            features = extractor(hp.data, hp.data_dir)(images.float())
            fid, covered, _ = fidelity(features, "test", *_place(hp))
            metrics |= {f"test_fid{name}": fid, f"test_coverage{name}": covered}
        return metrics

    def generate(self, nets: Mapping[str, nn.Module], count: int, hp: HP) -> Tensor:
        """Pictures [count, ...] for `skill.py`, SAMPLES at most; one class after another."""
        classes = dataset(hp.data, hp.data_dir).classes
        labels = None if hp.conditional == "none" else every_class(classes)[:count]
        return generated(nets["generator"], latents(hp.z_dim)[:count], labels)[0]

    def scores(self, nets: Mapping[str, nn.Module], pictures: Tensor, hp: HP) -> Tensor:
        """[count], or one of each pack, for `skill.py`.

        A tournament gives no labels: the score of a projection discriminator, which needs one, is
        the highest over all classes.
        """
        critic = nets["discriminator"]
        if hp.conditional == "projection":
            classes = torch.eye(dataset(hp.data, hp.data_dir).classes)
            labels = [one.expand(len(pictures), -1) for one in classes]
            return torch.cat([critic(pictures, label) for label in labels], 1).amax(1)
        return scored(critic, packed(pictures, hp.pack), None, hp)[0][:, 0]


def _check(hp: HP) -> None:
    """Raises TrainerError if a trial's choices do not go together."""
    if hp.conditional not in ("none", "acgan", "projection"):
        raise TrainerError(
            f"GAN: conditional must be none, acgan or projection, got {hp.conditional!r}"
        )
    if hp.conditional != "none" and hp.pack > 1:
        raise TrainerError(
            f"GAN: pack must be 1 with conditional {hp.conditional}, got {hp.pack}: the pictures "
            "of a pack have different classes"
        )
    if not 1 <= hp.pack <= hp.batch_size:
        raise TrainerError(f"GAN: pack must be 1 to batch_size, got {hp.pack}")


def _place(hp: HP) -> tuple[str, str | None]:
    return hp.data, hp.data_dir
