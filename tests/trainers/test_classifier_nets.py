"""The networks: sizes by the papers' tables, layers by torch's own."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from classifier import Classifier
from hpsearch_trainers.classifier.nets import LAYERS, MLP, build_net, mask_shape

CIFAR = (3, 32, 32)


def count(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("blocks", "layers", "millions"), [(3, 20, 0.27), (5, 32, 0.46), (9, 56, 0.85)]
)
def test_a_resnet_is_as_large_as_the_papers(hp, blocks, layers, millions):
    """He et al. 2016a, table 6; there a shortcut to more channels is filled with zeros."""
    net = build_net(
        hp(Classifier, net="resnet", depth=blocks, width=16, skip=True, norm="batch"), CIFAR, 10
    )
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    shortcuts = [m for m in convolutions if m.kernel_size == (1, 1)]
    assert len(shortcuts) == 2 and len(convolutions) - 2 + 1 == layers
    assert round((count(net) - sum(map(count, shortcuts))) / 1e6, 2) == millions


def test_a_resnet_without_convolutions_that_do_anything_is_its_shortcuts(hp):
    settings = hp(Classifier, net="resnet", depth=2, stages=1, width=4, skip=True, order="pre")
    net = build_net(settings, (1, 8, 8), 10)
    x = torch.randn(3, 1, 8, 8)
    for name, parameter in net.body.named_parameters():
        if "block" in name:
            parameter.data.zero_()
    expected = F.relu(net.body[0](x)).mean((2, 3))
    torch.testing.assert_close(net(x), net.out(expected))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7, 5)])
@pytest.mark.parametrize("head", ["mean", "flatten"])
@pytest.mark.parametrize("dense", [0, 6])
@pytest.mark.parametrize("net", ["cnn", "resnet"])
def test_masks_have_the_shape_of_what_the_last_layer_reads(hp, net, dense, head, shape):
    layers = ("conv", "max_pool", "residual", "avg_pool", "separable", "max_pool")
    of = {f"layer_{i}": kind for i, kind in enumerate(layers, 1)}
    depth = LAYERS if net == "cnn" else 1
    settings = hp(Classifier, net=net, depth=depth, dense=dense, head=head, width=5, **of)
    built = build_net(settings, shape, 7)
    _, batch, units = mask_shape(settings, shape)
    assert built.out.in_features == units
    masks = torch.zeros(1, batch, units)
    x = torch.randn(batch, *shape)
    assert built(x).shape == (batch, 7)
    torch.testing.assert_close(built(x, masks), built.out.bias.expand(batch, 7))


def test_layers_stand_in_the_order_that_the_hyperparameters_say(hp):
    settings = hp(
        Classifier, net="cnn", depth=3, layer_1="max_pool", layer_2="conv", layer_3="conv",
        width=8, width_2=4, kernel_2=5, kernel_3=1, head="flatten",
    )  # fmt: skip
    net = build_net(settings, (1, 8, 8), 10)
    first, second = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    x = torch.randn(2, 1, 8, 8)
    y = F.relu(F.conv2d(F.max_pool2d(x, 2), first.weight, first.bias, padding=2))
    y = F.relu(F.conv2d(y, second.weight, second.bias))
    assert y.shape == (2, 8, 4, 4)
    torch.testing.assert_close(net(x), net.out(y.flatten(1)))


@pytest.mark.parametrize("order", ["post", "pre"])
def test_a_norm_stands_on_the_side_of_the_convolution_that_is_asked_for(hp, order):
    settings = hp(Classifier, net="cnn", depth=1, width=4, norm="batch", order=order)
    net = build_net(settings, (1, 8, 8), 10)
    conv, norm = (
        next(m for m in net.modules() if isinstance(m, kind))
        for kind in (nn.Conv2d, nn.BatchNorm2d)
    )
    assert (norm.num_features, conv.bias is None) == ((4, True) if order == "post" else (1, False))


def test_a_separable_layer_has_a_kernel_a_channel_and_one_across_them(hp):
    settings = hp(Classifier, net="cnn", depth=2, layer_2="separable", width=16, kernel_2=5)
    net = build_net(settings, (1, 8, 8), 10)
    own, across = [m for m in net.modules() if isinstance(m, nn.Conv2d)][1:]
    assert (count(own), count(across)) == (16 * 25 + 16, 16 * 16 + 16)


def test_a_skip_adds_what_a_hidden_layer_of_the_same_width_was_given():
    net = MLP(5, [4, 4, 3], 2, "tanh", skip=True)
    x = torch.randn(6, 5)
    first = torch.tanh(net.hidden[0](x))
    second = first + torch.tanh(net.hidden[1](first))
    third = torch.tanh(net.hidden[2](second))
    torch.testing.assert_close(net(x), net.out(third))


def test_widths_of_single_layers_go_before_the_common_one(hp):
    net = Classifier().build(hp(Classifier, depth=3, width=9, width_2=5))["net"]
    assert [layer.out_features for layer in net.hidden] == [9, 5, 9]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"net": "transformer"}, "net must be mlp, cnn or resnet, got 'transformer'"),
        ({"net": "cnn", "depth": 7}, "depth of a cnn must be 1 to 6, got 7"),
        ({"net": "cnn", "layer_1": "pool"}, "layer must be one of conv, separable, residual, "),
        ({"net": "cnn", "kernel_1": 4}, "kernel must be odd, got 4"),
        ({"net": "resnet", "norm": "layer"}, "norm must be none or batch, got 'layer'"),
        ({"net": "cnn", "order": "last"}, "order must be post or pre, got 'last'"),
        ({"net": "cnn", "head": "max"}, "head must be mean or flatten, got 'max'"),
        ({"subpolicies": 4, "operations": 2}, "subpolicies x operations must be at most 6"),
        ({"mix": "cutmix"}, "mix must be none or mixup, got 'cutmix'"),
    ],
)  # fmt: skip
def test_what_there_is_not_is_said(hp, wrong, message):
    with pytest.raises(ValueError, match=message):
        Classifier().build(hp(Classifier, **wrong))
