"""BN-Inception, comparé à la table de son article."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import reseaux
from formulas import assert_recomputed, pool
from twins import block_shapes, count

# Cartes × hauteur × largeur à la sortie des modules, lues dans l'article. Pour 3c et 4e, de pas 2,
# la table écrit la taille d'entrée : la sortie est celle de 4a et 5a.
OUTPUTS = {
    "3a": (256, 28, 28),
    "3b": (320, 28, 28),
    "3c": (576, 14, 14),
    **dict.fromkeys(("4a", "4b", "4c", "4d"), (576, 14, 14)),
    **dict.fromkeys(("4e", "5a", "5b"), (1024, 7, 7)),
}


def test_blocks_have_the_output_size_of_the_paper():
    assert block_shapes("bn-inception") == OUTPUTS


# Ioffe et Szegedy 2015, figure 5 : cartes en entrée, puis colonnes #1×1, #3×3 reduce, #3×3,
# double #3×3 reduce, double #3×3, pooling et projection. 4c et 4d : 96 au lieu de 128 imprimé.
BN_INCEPTION = {
    "3a": (192, 64, 64, 64, 64, 96, "avg", 32),
    "3b": (256, 64, 64, 96, 64, 96, "avg", 64),
    "3c": (320, 0, 128, 160, 64, 96, "max", 0),
    "4a": (576, 224, 64, 96, 96, 128, "avg", 128),
    "4b": (576, 192, 96, 128, 96, 128, "avg", 128),
    "4c": (576, 160, 128, 160, 128, 160, "avg", 96),
    "4d": (576, 96, 128, 192, 160, 192, "avg", 96),
    "4e": (576, 0, 128, 192, 192, 256, "max", 0),
    "5a": (1024, 352, 192, 320, 160, 224, "avg", 128),
    "5b": (1024, 352, 192, 320, 192, 224, "max", 128),
}


@pytest.mark.parametrize("block", BN_INCEPTION)
def test_bn_inception_blocks_match_the_closed_form(block):
    inputs, conv1, reduce3, conv3, reduce_double, double3, pool, proj = BN_INCEPTION[block]
    weights = inputs * (conv1 + reduce3 + reduce_double + proj)
    weights += 9 * (reduce3 * conv3 + reduce_double * double3 + double3 * double3)
    filters = conv1 + reduce3 + conv3 + reduce_double + 2 * double3 + proj
    built = reseaux.build("bn-inception", device="meta").blocks[block]
    assert count(built) == weights + 2 * filters  # γ et β de chaque filtre, pas de biais
    kinds = {"avg": nn.AvgPool2d, "max": nn.MaxPool2d}
    assert [type(layer) for layer in built.modules() if "Pool" in type(layer).__name__] == [
        kinds[pool]
    ]


@pytest.mark.parametrize("block", ["3c", "4e"])
def test_bn_inception_halves_the_size_at_the_end_of_each_branch(block):
    built = reseaux.build("bn-inception", device="meta").blocks[block]
    assert [layer.stride for layer in built.modules() if isinstance(layer, nn.Conv2d)] == [
        *[(1, 1), (2, 2)],
        *[(1, 1), (1, 1), (2, 2)],
    ]


def test_bn_inception_outside_of_blocks_matches_the_closed_form():
    net = reseaux.build("bn-inception", device="meta")
    separable = 7 * 7 * 3 * 8 + 3 * 8 * 64
    assert count(net.stem) == separable + 64 * 64 + 9 * 64 * 192 + 2 * (64 + 64 + 192)
    assert count(net.head) == (1024 + 1) * 1000


def module(x, weights, kind, conv1, proj):
    stride = 1 if proj else 2
    branches = [weights.conv_bn(x)] if conv1 else []
    branches.append(weights.conv_bn(weights.conv_bn(x), stride))
    branches.append(weights.conv_bn(weights.conv_bn(weights.conv_bn(x)), stride))
    pooled = F.avg_pool2d(x, 3, stride, 1) if kind == "avg" else pool(x, 3, stride, 1)
    branches.append(weights.conv_bn(pooled) if proj else pooled)
    return torch.cat(branches, dim=1)


def bn_inception(x, weights):
    """Ioffe et Szegedy 2015, figure 5 et annexe ; chaque convolution, puis norme, puis ReLU."""
    x = F.conv2d(x, *weights.take(1), stride=2, padding=3, groups=3)  # la séparable : sans ReLU
    x = weights.conv_bn(weights.conv_bn(pool(weights.conv_bn(x), padding=1)))
    x = pool(x, padding=1)
    for _, conv1, *_, kind, proj in BN_INCEPTION.values():
        x = module(x, weights, kind, conv1, proj)
    return weights.linear(x.mean(dim=(2, 3)))


def test_bn_inception_is_the_one_of_the_paper():
    assert_recomputed("bn-inception", bn_inception)
