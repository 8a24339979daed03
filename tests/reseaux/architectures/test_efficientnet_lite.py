"""EfficientNet-Lite, comparé à timm, à ses auteurs, et avec les poids que livre le cours."""

import pytest
import timm
import torch
from torch.nn import functional as F

import reseaux
from reseaux import data
from reseaux.architectures.efficientnet_lite import SameConv2d
from reseaux.reuse import weights
from twins import assert_same_scores, assert_twins, block_shapes, copy_in_order, count


# Un côté pair ajoute la marge d'un seul côté, un côté impair des deux.
@pytest.mark.parametrize(("variant", "size"), [(0, 96), (0, 97), (0, 111), (1, 96), (2, 97)])
def test_same_scores_as_timm(variant, size):
    ours = reseaux.build(f"efficientnet-lite{variant}", 10)
    name = f"tf_efficientnet_lite{variant}"
    assert_twins(ours, lambda: timm.create_model(name, num_classes=10), size)


@pytest.mark.parametrize("name", weights.PACKAGED)
@torch.no_grad()
def test_the_weights_of_the_course_give_the_same_scores(name):
    pretrained = weights.load(name)
    x = torch.stack([pretrained.transform(data.photo(photo)) for photo in ("chelsea", "coffee")])
    assert x.shape[1:] == reseaux.NETWORKS[name].input_size
    ours = reseaux.build(name).eval()
    copy_in_order(pretrained.model, ours)
    assert_same_scores(ours(x), pretrained.model(x))
    cat, coffee = ([pretrained.categories[k] for k in row] for row in ours(x).topk(2).indices)
    assert {*cat} == {"tiger cat", "Egyptian cat"}
    assert coffee[0] == "espresso"


@pytest.mark.parametrize(("variant", "millions"), [(0, 4.7), (1, 5.4), (2, 6.1)])
def test_size_is_the_one_their_authors_give(variant, millions):
    net = reseaux.build(f"efficientnet-lite{variant}", device="meta")
    assert round(count(net) / 1e6, 1) == millions  # dépôt « tensorflow/tpu », efficientnet/lite


@pytest.mark.parametrize(("side", "before", "after"), [(8, 0, 1), (9, 1, 1)])
def test_margin_is_the_one_of_tensorflow(side, before, after):
    conv = SameConv2d(1, 1, 3, stride=2, bias=False)
    x = torch.randn(1, 1, side, side)
    expected = F.conv2d(F.pad(x, (before, after, before, after)), conv.weight, stride=2)
    torch.testing.assert_close(conv(x), expected)
    assert conv(x).shape[-1] == (side + 1) // 2


@pytest.mark.parametrize(("height", "width"), [(8, 9), (9, 8)])
def test_each_side_has_its_own_margin(height, width):
    conv = SameConv2d(1, 1, 3, stride=2, bias=False)
    x = torch.randn(1, 1, height, width)
    margins = (width % 2, 1, height % 2, 1)  # gauche, droite, haut, bas
    torch.testing.assert_close(conv(x), F.conv2d(F.pad(x, margins), conv.weight, stride=2))


def test_stages_have_the_output_size_of_the_paper():
    # La table 1 donne la résolution d'entrée de chaque étage [Tan19].
    expected = {
        "1-1": (16, 112, 112),
        "2-2": (24, 56, 56),
        "3-2": (40, 28, 28),
        "4-3": (80, 14, 14),
    }
    expected |= {"5-3": (112, 14, 14), "6-4": (192, 7, 7), "7-1": (320, 7, 7)}
    shapes = block_shapes("efficientnet-lite0")
    assert {block: shapes[block] for block in expected} == expected
    assert len(shapes) == 1 + 2 + 2 + 3 + 3 + 4 + 1  # la colonne des couches
