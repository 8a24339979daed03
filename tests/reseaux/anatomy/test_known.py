"""Le raccourci de la traversée : sans lui, les lignes sont les mêmes."""

import pytest
import timm
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision import models

import reseaux
from reseaux.anatomy import known, tracing
from reseaux.anatomy.receptive import layer_window

aten = torch.ops.aten

TORCHVISION = (
    *("alexnet", "vgg11_bn", "resnet18", "resnext50_32x4d", "densenet121", "googlenet"),
    *("mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "squeezenet1_1", "vit_b_32"),
    *("shufflenet_v2_x0_5", "convnext_tiny", "swin_t", "mnasnet0_5"),
)
TIMM = (
    *("tf_efficientnet_lite0", "resnetv2_50", "mixer_s32_224", "nf_resnet26", "levit_128s"),
    *("poolformer_s12", "regnety_002", "ghostnet_050", "repvgg_a0", "dla34"),
)


def build(name):
    if name in reseaux.NETWORKS:
        return reseaux.build(name, device="meta"), reseaux.NETWORKS[name].input_size
    with torch.device("meta"):
        net = timm.create_model(name) if name in TIMM else models.get_model(name, weights=None)
    return net, (3, 224, 224)


@pytest.mark.filterwarnings("ignore:The default weight initialization")
@pytest.mark.parametrize("name", [*reseaux.NETWORKS, *TORCHVISION, *TIMM])
def test_without_the_known_layers_the_rows_are_the_same(name, monkeypatch):
    net, size = build(name)
    fast = reseaux.summarize(net, size)
    monkeypatch.setattr(tracing, "KNOWN", {})
    monkeypatch.setattr(tracing, "KNOWN_OPERATIONS", {})
    executed = reseaux.summarize(net, size)
    assert fast.rows == executed.rows
    assert fast.unlisted == executed.unlisted


LAYERS = (
    *(nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), 2), nn.Conv2d(4, 4, 3, padding="same")),
    *(nn.MaxPool2d(3, 2, ceil_mode=True), nn.MaxPool2d((2, 3), dilation=2), nn.AvgPool2d(2)),
    *(nn.AvgPool2d(2, 3, 1, ceil_mode=True), nn.Linear(9, 5), nn.BatchNorm2d(4), nn.GELU()),
    nn.LayerNorm(9),
)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
@pytest.mark.parametrize("size", [(4, 9, 9), (4, 10, 9), (4, 7, 9)])
def test_the_shape_is_that_of_the_execution(layer, size):
    x = torch.zeros(2, *size)
    rule = known.KNOWN[type(layer).forward]
    made = tuple(layer.eval()(x).shape)
    assert rule(layer, tuple(x.shape), layer_window(layer)) in (made, None)


small = st.tuples(st.integers(1, 4), st.integers(1, 4))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([nn.MaxPool2d, nn.AvgPool2d, nn.Conv2d]),
    *(small, small, st.integers(0, 2), st.integers(1, 2), st.booleans()),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
# Arrondie vers le haut, une dernière fenêtre commencerait tout juste dans la marge.
@example(nn.MaxPool2d, (2, 2), (2, 2), 1, 1, True, (3, 3))
@example(nn.AvgPool2d, (2, 3), (2, 3), 1, 1, True, (5, 8))
def test_a_window_gives_the_shape_of_its_execution(kind, kernel, stride, margin, d, ceil, size):
    """Ce que la règle refuse, PyTorch le refuse aussi ; sinon, la même forme."""
    layer = {
        nn.MaxPool2d: lambda: nn.MaxPool2d(kernel, stride, margin, d, ceil_mode=ceil),
        nn.AvgPool2d: lambda: nn.AvgPool2d(kernel, stride, margin, ceil),
        nn.Conv2d: lambda: nn.Conv2d(2, 4, kernel, stride, margin, d, groups=2),
    }[kind]()
    found = known.KNOWN[kind.forward](layer, (1, 2, *size), layer_window(layer))
    try:
        expected = tuple(layer(torch.zeros(1, 2, *size)).shape)
    except RuntimeError as error:
        if "half of" in str(error):  # une marge trop grande pour le noyau, quelle que soit l'image
            return
        expected = None
    assert found == expected


@pytest.mark.parametrize(
    ("layer", "size"),
    [
        (nn.Conv2d(3, 4, 3), (4, 9, 9)),
        (nn.Conv2d(4, 4, 3, padding="same"), (4, 9, 9)),
        (nn.Conv2d(4, 4, 10), (4, 9, 9)),
        (nn.Conv2d(4, 4, 3), (9, 9)),
        (nn.MaxPool2d(2, return_indices=True), (4, 9, 9)),
        (nn.MaxPool2d(10), (4, 9, 9)),
        (nn.Linear(8, 2), (4, 9, 9)),
        (nn.BatchNorm2d(3), (4, 9, 9)),
        (nn.LayerNorm((4, 9)), (4, 9, 9)),
    ],
)
def test_what_does_not_fit_is_left_to_pytorch(layer, size):
    assert known.KNOWN[type(layer).forward](layer, (1, *size), layer_window(layer)) is None


sides = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*known.KNOWN_OPERATIONS]), sides, sides, sides, st.integers(-3, 2))
def test_an_operation_gives_the_shape_of_its_execution_or_leaves_it(operation, a, b, c, dim):
    """Ce qu'une règle accepte, PyTorch l'accepte aussi, et rend cette forme."""
    x, y, z = (torch.zeros(size) for size in (a, b, c))
    arguments = {
        aten.cat: ([x, y, z], dim),
        aten.mean: (x, [dim], dim > 0),
        aten.addmm: (x, y, z),
        aten._safe_softmax: (x, -1),
    }.get(operation, (x, y))
    found = known.KNOWN_OPERATIONS[operation](*arguments)
    try:
        expected = tuple(operation(*arguments).shape)
    except (RuntimeError, IndexError):
        expected = None
    if operation in (aten.add, aten.mul, aten.cat, aten.mean, aten.mm, aten.bmm):
        assert found == expected
    else:
        assert found in (expected, None)


def test_operations_of_several_types_are_left_to_pytorch():
    class Masked(nn.Module):
        def forward(self, x):
            seen.append((x > 0) * x)
            return x

    seen = []
    reseaux.summarize(Masked(), (3, 4, 4))
    assert seen[0].dtype is torch.float32


def test_the_rules_answer_without_the_execution():
    """Un raccourci qui ne répondrait jamais donnerait les mêmes formes, plus lentement."""
    for layer, expected in (
        (nn.Conv2d(4, 6, 3), (2, 6, 7, 7)),
        (nn.MaxPool2d(3), (2, 4, 3, 3)),
        (nn.AvgPool2d(2), (2, 4, 4, 4)),
        (nn.BatchNorm2d(4), (2, 4, 9, 9)),
        (nn.Linear(9, 5), (2, 4, 9, 5)),
        (nn.LayerNorm(9), (2, 4, 9, 9)),
    ):
        rule = known.KNOWN[type(layer).forward]
        assert rule(layer, (2, 4, 9, 9), layer_window(layer)) == expected
    bias, a, b = torch.zeros(3), torch.zeros(3, 4), torch.zeros(4, 3)
    assert known.KNOWN_OPERATIONS[aten.addmm](bias, a, b) == torch.addmm(bias, a, b).shape
    other = bias.new_zeros(bias.numel() + 1)
    assert known.KNOWN_OPERATIONS[aten.addmm](other, a, b) is None


@pytest.mark.parametrize("size", [(1, 1, 9), (1, 9, 1)])
def test_a_reflection_wider_than_the_image_is_refused_as_pytorch_does(size):
    conv = nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect")
    with pytest.raises(RuntimeError, match="Padding size"):
        conv(torch.zeros(1, *size))
    with pytest.raises(reseaux.ReseauxError, match="Padding size"):
        reseaux.summarize(conv, size)
    assert reseaux.summarize(conv, (1, 2, 2)).rows[0].output == (2, 2, 2)
