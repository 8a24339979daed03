"""Le raccourci de la traversée : sans lui, les lignes sont les mêmes."""

import pytest
import timm
import torch
from torch import nn
from torchvision import models

import reseaux
from reseaux.anatomy import known, tracing
from reseaux.anatomy.receptive import layer_window

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
)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
@pytest.mark.parametrize("size", [(4, 9, 9), (4, 10, 9), (4, 7, 9)])
def test_the_shape_is_that_of_the_execution(layer, size):
    x = torch.zeros(2, *size)
    rule = known.KNOWN[type(layer).forward]
    assert rule(layer, x, layer_window(layer)) in (tuple(layer.eval()(x).shape), None)


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
    ],
)
def test_what_does_not_fit_is_left_to_pytorch(layer, size):
    assert (
        known.KNOWN[type(layer).forward](layer, torch.zeros(1, *size), layer_window(layer)) is None
    )
