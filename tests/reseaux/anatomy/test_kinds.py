"""Les genres de couches : un nom chacun, et de quoi les reconnaître dans un dessin."""

import pytest
import torch
from torch import nn
from torchvision.ops import Conv2dNormActivation, FrozenBatchNorm2d

from reseaux.anatomy.kinds import JOINING, Family, Kind, UnknownKind, layer_kind, operation_kind

aten = torch.ops.aten


class Renamed(nn.Conv2d):
    pass


class Standardized(nn.BatchNorm2d):
    pass


@pytest.mark.parametrize(
    ("layer", "kind", "shown"),
    [
        (nn.Conv2d(1, 1, 1), Kind.CONVOLUTION, "convolution"),
        (Renamed(1, 1, 1), Kind.CONVOLUTION, "convolution"),
        (nn.Linear(1, 1), Kind.LINEAR, "connectée"),
        (nn.AdaptiveAvgPool2d(1), Kind.AVG_POOL, "moyenne"),
        (Standardized(1), Kind.BATCH_NORM, "normalisation par lots"),
        (nn.Flatten(), Kind.FLATTEN, "mise à plat"),
        (nn.GroupNorm(1, 1), UnknownKind("GroupNorm"), "GroupNorm"),
    ],
)
def test_a_layer_has_the_kind_of_its_class_or_its_name(layer, kind, shown):
    assert layer_kind(layer) == kind
    assert (str(kind), repr(kind)) == (shown, f"'{shown}'")


@pytest.mark.parametrize(
    ("layer", "family"),
    [
        (nn.ConvTranspose2d(1, 1, 1), Family.CONVOLUTION),
        (nn.Conv1d(1, 1, 1), Family.CONVOLUTION),
        (nn.GroupNorm(1, 1), Family.NORMALIZATION),
        (FrozenBatchNorm2d(1), Family.NORMALIZATION),
        (nn.AdaptiveMaxPool1d(1), Family.POOLING),
        (nn.LPPool2d(2, 2), Family.POOLING),
        (nn.LazyLinear(1), Family.LINEAR),
        (nn.Softmax(1), Family.OTHER),
        (nn.ReLU(), None),
        (Conv2dNormActivation(1, 1)[1], Family.NORMALIZATION),
    ],
    ids=lambda x: type(x).__name__,
)
def test_a_layer_has_a_family(layer, family):
    assert layer_kind(layer).family is family


@pytest.mark.parametrize(
    ("operation", "macs", "window", "paths", "kind"),
    [
        (aten.convolution, 9, True, 1, Kind.CONVOLUTION),
        (aten.convolution, 9, False, 1, Kind.CONVOLUTION),
        (aten.mm, 9, False, 2, Kind.MATMUL),
        (aten.cat, 0, False, 2, Kind.CONCATENATION),
        (aten.cat, 0, False, 1, None),
        (aten.add_, 0, False, 2, Kind.ADDITION),
        (aten.add, 0, False, 1, None),
        (aten.mul, 0, False, 2, Kind.MULTIPLICATION),
        (aten.max_pool2d_with_indices, 0, True, 1, Kind.MAX_POOL),
        (aten.mean, 0, True, 1, Kind.AVG_POOL),
        (aten.mean, 0, False, 1, None),
        (aten.relu, 0, False, 1, None),
    ],
)
def test_an_operation_has_a_kind_if_it_deserves_a_row(operation, macs, window, paths, kind):
    assert operation_kind(operation, macs, window, paths) is kind


def test_no_two_kinds_share_a_name_or_a_sign():
    assert len({kind.french for kind in Kind}) == len(Kind)
    signs = [sign for kind in Kind for sign in kind.signs]
    assert len(set(signs)) == len(signs)
    assert all(len(kind.short) <= len(kind.french) for kind in Kind)
    assert {kind.family for kind in JOINING} == {
        Family.CONCATENATION,
        Family.ADDITION,
        Family.MULTIPLICATION,
    }


def test_kinds_have_distinct_colors_and_patterns():
    drawn = [family for family in Family if family.color]
    assert set(Family) - set(drawn) == {Family.INPUT}
    assert len({(f.color, f.pattern) for f in drawn}) == len(drawn)
    assert len({f.pattern for f in drawn}) == len(drawn)
    # Deux familles de même couleur : seulement celles-ci, deux façons de multiplier.
    shared = [{f for f in drawn if f.color == color} for color in {f.color for f in drawn}]
    assert [s for s in shared if len(s) > 1] == [{Family.MULTIPLICATION, Family.MATMUL}]
