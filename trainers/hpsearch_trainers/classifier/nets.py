"""The classifier's networks: a multi-layer perceptron, a list of convolution layers, a ResNet.

Number, type, order, width and kernel size of the layers are hyperparameters, so a study can search
architectures. Norm "batch" has the running statistics of `torch.nn`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from hpsearch import HP

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU}
LAYER_TYPES = ("conv", "separable", "residual", "max_pool", "avg_pool")
LAYERS = 6  # layers with hyperparameters of their own, at most
Shape = tuple[int, int, int]  # of a picture: channels, height, width


@dataclass(frozen=True)
class Style:
    """The common hyperparameters of a network's layers.

    Attributes:
        activation: a name in ACTIVATIONS.
        norm: "none" or "batch" (Ioffe & Szegedy 2015).
        order: "post" for convolution, norm, activation; "pre" for norm, activation, convolution
            (He et al. 2016b, fig. 4e).
    """

    activation: str
    norm: str
    order: str

    @classmethod
    def of(cls, hp: HP) -> "Style":
        if hp.norm not in ("none", "batch"):
            raise ValueError(f"norm must be none or batch, got {hp.norm!r}")
        if hp.order not in ("post", "pre"):
            raise ValueError(f"order must be post or pre, got {hp.order!r}")
        return cls(hp.activation, hp.norm, hp.order)

    def act(self) -> nn.Module:
        return ACTIVATIONS[self.activation]()

    def normed(self, channels: int) -> list[nn.Module]:
        return [nn.BatchNorm2d(channels)] if self.norm == "batch" else []


class MLP(nn.Module):
    """Pictures [batch, inputs] to logits [batch, classes].

    Args:
        inputs: pixels times channels of a picture.
        widths: of the hidden layers.
        classes: number of logits.
        activation: a name in ACTIVATIONS.
        skip: residual connections around hidden layers with equal input and output width.
    """

    def __init__(
        self, inputs: int, widths: Sequence[int], classes: int, activation: str, skip: bool
    ) -> None:
        super().__init__()
        sizes = [inputs, *widths]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.out = nn.Linear(sizes[-1], classes)
        self.activation = ACTIVATIONS[activation]()
        self._skips = [skip and i > 0 and a == b for i, (a, b) in enumerate(pairwise(sizes))]

    def forward(self, x: Tensor, masks: Tensor | None = None) -> Tensor:
        """`masks` [depth, batch, at least width] multiply the hidden layers' outputs."""
        for i, layer in enumerate(self.hidden):
            y = self.activation(layer(x))
            if masks is not None:
                y = y * masks[i, :, : y.shape[-1]]
            x = x + y if self._skips[i] else y
        return self.out(x)


class PictureNet(nn.Module):
    """Pictures [batch, C, H, W] to logits [batch, classes].

    Args:
        body: pictures to feature maps.
        head: feature maps to [batch, features].
        features: inputs of the last layer.
        classes: number of logits.
    """

    def __init__(self, body: nn.Module, head: nn.Module, features: int, classes: int) -> None:
        super().__init__()
        self.body, self.head = body, head
        self.out = nn.Linear(features, classes)

    def forward(self, x: Tensor, masks: Tensor | None = None) -> Tensor:
        """`masks` [1, batch, features] multiply the inputs of the last layer."""
        x = self.head(self.body(x))
        return self.out(x if masks is None else x * masks[0])


class Shortcut(nn.Module):
    """after(block(x) + around(x)), He et al. 2016a, eq. 2; `around`: identity or a projection."""

    def __init__(self, block: nn.Module, around: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.block, self.around, self.after = block, around, after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.block(x) + self.around(x))


def build_net(hp: HP, shape: Shape, classes: int) -> nn.Module:
    """The network of a trial.

    Raises:
        ValueError: a hyperparameter has an unknown value.
    """
    if hp.net == "mlp":
        channels, height, width = shape
        widths = [width_of(hp, i) for i in range(hp.depth)]
        return MLP(channels * height * width, widths, classes, hp.activation, hp.skip)
    body, made = _body(hp, shape)
    head, features = _head(hp, made)
    return PictureNet(body, head, features, classes)


def mask_shape(hp: HP, shape: Shape) -> tuple[int, int, int]:
    """The shape of the network's dropout masks: [layers, batch, units]."""
    if hp.net == "mlp":
        return hp.depth, hp.batch_size, max(width_of(hp, i) for i in range(hp.depth))
    return 1, hp.batch_size, _features(hp, _sizes(hp, shape))


def width_of(hp: HP, layer: int) -> int:
    """The width of a layer, counted from 0: its own `width_i` if there is one and it is not 0."""
    return (hp[f"width_{layer + 1}"] if layer < LAYERS else 0) or hp.width


def _body(hp: HP, shape: Shape) -> tuple[nn.Module, Shape]:
    style = Style.of(hp)
    if hp.net == "resnet":
        return _resnet(hp, style, shape[0]), _sizes(hp, shape)
    if hp.net != "cnn":
        raise ValueError(f"net must be mlp, cnn or resnet, got {hp.net!r}")
    if not 1 <= hp.depth <= LAYERS:
        raise ValueError(f"depth of a cnn must be 1 to {LAYERS}, got {hp.depth}")
    layers: list[nn.Module] = []
    channels, size = shape[0], min(shape[1:])
    for i in range(hp.depth):
        kind = hp[f"layer_{i + 1}"]
        if kind in ("max_pool", "avg_pool"):
            if size >= 2:  # one pixel cannot be pooled
                layers.append(nn.MaxPool2d(2) if kind == "max_pool" else nn.AvgPool2d(2))
                size //= 2
            continue
        wide = width_of(hp, i)
        layers.append(_layer(kind, style, channels, wide, hp[f"kernel_{i + 1}"]))
        channels = wide
    if style.order == "pre":
        layers += [*style.normed(channels), style.act()]
    return nn.Sequential(*layers), _sizes(hp, shape)


def _layer(kind: str, style: Style, channels: int, width: int, kernel: int) -> nn.Module:
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"kernel must be odd, got {kernel}")
    if kind == "separable":  # Chollet 2017: per channel, then across channels
        own = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        return nn.Sequential(own, _unit(style, channels, width, 1))
    if kind == "conv":
        return _unit(style, channels, width, kernel)
    if kind == "residual":
        return Shortcut(
            _unit(style, channels, width, kernel), _around(channels, width, 1), nn.Identity()
        )
    raise ValueError(f"layer must be one of {', '.join(LAYER_TYPES)}, got {kind!r}")


def _unit(style: Style, channels: int, width: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution with its norm and activation, in the style's order."""
    # A norm after the convolution cancels its bias.
    bias = not (style.norm == "batch" and style.order == "post")
    conv = nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=bias)
    if style.order == "pre":
        return nn.Sequential(*style.normed(channels), style.act(), conv)
    return nn.Sequential(conv, *style.normed(width), style.act())


def _around(channels: int, width: int, stride: int) -> nn.Module:
    if channels == width and stride == 1:
        return nn.Identity()
    return nn.Conv2d(channels, width, 1, stride, bias=False)


def _resnet(hp: HP, style: Style, channels: int) -> nn.Module:
    """He et al. 2016a, sec. 4.2: a convolution, then `stages` of `depth` two-convolution blocks.

    Each stage halves the size and doubles the channels.
    """
    wide = hp.width
    layers: list[nn.Module] = [nn.Conv2d(channels, wide, 3, padding=1, bias=False)]
    if style.order == "post":
        layers += [*style.normed(wide), style.act()]
    for stage in range(hp.stages):
        for i in range(hp.depth):
            stride = 2 if stage and not i else 1
            before, wide = wide, hp.width * 2**stage
            block = nn.Sequential(_unit(style, before, wide, 3, stride), _second_unit(style, wide))
            after = style.act() if style.order == "post" else nn.Identity()
            around = _around(before, wide, stride)
            layers.append(
                Shortcut(block, around, after) if hp.skip else nn.Sequential(block, after)
            )
    if style.order == "pre":
        layers += [*style.normed(wide), style.act()]
    return nn.Sequential(*layers)


def _second_unit(style: Style, width: int) -> nn.Module:
    """A unit without activation in the order "post", where the activation follows the sum."""
    unit = _unit(style, width, width, 3)
    return unit if style.order == "pre" else unit[:-1]


def _sizes(hp: HP, shape: Shape) -> Shape:
    """Channels, height and width of the body's output."""
    channels, height, width = shape
    if hp.net == "resnet":
        for _ in range(hp.stages - 1):
            height, width = -(-height // 2), -(-width // 2)
        return hp.width * 2 ** (hp.stages - 1), height, width
    for i in range(hp.depth):
        if hp[f"layer_{i + 1}"] not in ("max_pool", "avg_pool"):
            channels = width_of(hp, i)
        elif min(height, width) >= 2:
            height, width = height // 2, width // 2
    return channels, height, width


def _head(hp: HP, made: Shape) -> tuple[nn.Module, int]:
    if hp.head not in ("mean", "flatten"):
        raise ValueError(f"head must be mean or flatten, got {hp.head!r}")
    layers: list[nn.Module] = [nn.AdaptiveAvgPool2d(1)] if hp.head == "mean" else []
    layers.append(nn.Flatten())
    if hp.dense:
        inputs = made[0] if hp.head == "mean" else made[0] * made[1] * made[2]
        layers += [nn.Linear(inputs, hp.dense), ACTIVATIONS[hp.activation]()]
    return nn.Sequential(*layers), _features(hp, made)


def _features(hp: HP, made: Shape) -> int:
    if hp.dense:
        return int(hp.dense)
    return made[0] if hp.head == "mean" else made[0] * made[1] * made[2]
