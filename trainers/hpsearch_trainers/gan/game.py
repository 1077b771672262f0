"""One training step of a GAN: pictures, labels and packs, and the losses of both networks."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from hpsearch import HP
from hpsearch_trainers.data.datasets import dataset
from hpsearch_trainers.gan.losses import (
    class_loss,
    discriminator_loss,
    generator_loss,
    squared_gradient,
)
from hpsearch_trainers.gan.reports import one_hot

Pictures = tuple[
    Tensor, Tensor | None
]  # [n, ...], and one-hot labels [n, classes] if the GAN is conditional
Critic = Callable[..., Tensor]


def labelled_batch(batch: Mapping[str, Tensor], hp: HP) -> tuple[Pictures, Tensor | None]:
    """The real pictures with their labels, and uniform labels for the generated ones."""
    images = batch["image"]
    if hp.conditional == "none":
        return (images, None), None
    classes = dataset(hp.data, hp.data_dir).classes
    drawn = (torch.special.ndtr(batch["kind"]) * classes).floor().clamp(max=classes - 1)
    real = one_hot(batch["label"], classes, images.dtype)
    return (images, real), one_hot(drawn, classes, images.dtype)


def generated(generator: nn.Module, z: Tensor, labels: Tensor | None) -> Pictures:
    return (generator(z) if labels is None else generator(z, labels)), labels


def packed(x: Tensor, size: int) -> Tensor:
    """PacGAN's m pictures as one of m times the channels (Lin et al. 2018, sec. 2).

    [n, channels, ...] to [n // size, size * channels, ...]; the remainder is dropped.
    """
    if size == 1:
        return x
    rows = x[: len(x) - len(x) % size]
    return rows.unflatten(0, (-1, size)).flatten(1, 2)


def scored(
    critic: Critic, x: Tensor, labels: Tensor | None, hp: HP
) -> tuple[Tensor, Tensor | None]:
    """Scores [n, 1] of packs, and an AC-GAN's logits [n, classes]."""
    if hp.conditional == "projection":
        return critic(x, labels), None
    found = critic(x)
    return (found[:, :1], found[:, 1:]) if hp.conditional == "acgan" else (found, None)


def critic_loss(critic: Critic, real: Pictures, fake: Pictures, hp: HP) -> Tensor:
    """The discriminator's loss, without penalty."""
    pairs = [(packed(x, hp.pack), labels) for x, labels in (real, fake)]
    if hp.normalization == "batch":
        (on_real, of_real), (on_fake, of_fake) = (scored(critic, *pair, hp) for pair in pairs)
    else:
        # One pass for both: no layer mixes the pictures of a batch.
        labels = None if real[1] is None or fake[1] is None else torch.cat([real[1], fake[1]])
        scores, logits = scored(critic, torch.cat([x for x, _ in pairs]), labels, hp)
        on_real, on_fake = scores.chunk(2)
        of_real, of_fake = (None, None) if logits is None else logits.chunk(2)
    loss = discriminator_loss(on_real, on_fake, (pairs[0][0], pairs[1][0]), hp)
    if of_real is not None and of_fake is not None:
        classes = class_loss(of_real, real[1]) + class_loss(of_fake, fake[1])
        loss = loss + hp.class_weight * classes
    return loss


def generator_objective(critic: Critic, fake: Pictures, hp: HP) -> Tensor:
    """The generator's loss, with an AC-GAN's classification loss."""
    scores, logits = scored(critic, packed(fake[0], hp.pack), fake[1], hp)
    loss = generator_loss(scores, hp)
    return loss if logits is None else loss + hp.class_weight * class_loss(logits, fake[1])


def watch(nets: Mapping[str, nn.Module], inputs: Mapping[str, Tensor], hp: HP) -> dict[str, Tensor]:
    """Mean scores, losses and the norms of their gradients, always on the same pictures."""
    critic, generator = nets["discriminator"], nets["generator"]
    real = inputs["watched"], inputs.get("watched_labels")
    count = len(real[0])
    z, labels = inputs["z"][:count], None if real[1] is None else inputs["labels"][:count]
    fake = generated(generator, z, labels)
    on_real, on_fake = (scored(critic, packed(x, hp.pack), k, hp)[0] for x, k in (real, fake))
    square_d, loss_d = squared_gradient(critic, lambda d: critic_loss(d, real, fake, hp))
    square_g, loss_g = squared_gradient(
        generator, lambda g: generator_objective(critic, generated(g, z, labels), hp)
    )
    return {
        "d_real": on_real.mean(),
        "d_fake": on_fake.mean(),
        "gap": on_real.min() - on_fake.max(),
        "loss_d": loss_d,
        "loss_g": loss_g,
        "gradient_d": square_d.sqrt(),
        "gradient_g": square_g.sqrt(),
    }
