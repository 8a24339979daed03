"""MobileNet-v2, comparé à torchvision, à timm et à son article."""

import timm
import torch
from torch import nn
from torchvision import models

import reseaux
from twins import assert_twins, block_shapes


def test_same_scores_as_torchvision():
    ours = reseaux.build("mobilenet-v2", 10)
    assert_twins(ours, lambda: models.mobilenet_v2(weights=None, num_classes=10), 96)


def test_same_scores_as_timm():
    ours = reseaux.build("mobilenet-v2", 10)
    assert_twins(ours, lambda: timm.create_model("mobilenetv2_100", num_classes=10), 96)


def test_no_activation_goes_beyond_six():
    """Des poids tirés au hasard n'y vont jamais : la même ReLU, sans borne, passerait inaperçue."""
    net, given, rendered = reseaux.build("mobilenet-v2", 10).eval(), [], []
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.constant_(layer.bias, 9.0)
        elif isinstance(layer, nn.ReLU | nn.ReLU6):
            layer.register_forward_pre_hook(lambda _, x: given.append(float(x[0].max())))
            layer.register_forward_hook(lambda _, x, y: rendered.append(float(y.max())))
    with torch.no_grad():
        net(torch.randn(1, 3, 32, 32))
    assert len(given) == 2 + 2 * 17 - 1  # le premier bloc n'élargit pas
    assert min(given) > 6
    assert {*rendered} == {6.0}


def test_stages_have_the_output_size_of_the_paper():
    # La table 2 donne l'entrée de chaque ligne : la sortie de la précédente [Sandler18].
    expected = {
        "1-1": (16, 112, 112),
        "2-2": (24, 56, 56),
        "3-3": (32, 28, 28),
        "4-4": (64, 14, 14),
    }
    expected |= {"5-3": (96, 14, 14), "6-3": (160, 7, 7), "7-1": (320, 7, 7)}
    shapes = block_shapes("mobilenet-v2")
    assert {block: shapes[block] for block in expected} == expected
    assert len(shapes) == 1 + 2 + 3 + 4 + 3 + 3 + 1  # la colonne n
