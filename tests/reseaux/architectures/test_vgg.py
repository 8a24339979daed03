"""Les six VGG, comparés à torchvision et à l'article."""

import pytest
from torch import nn
from torchvision import models

import reseaux
from formulas import assert_recomputed, local_norm, pool
from reseaux.architectures.vgg import CONFIGURATIONS, VGG, weight_layers
from reseaux.published import VGG_MILLIONS
from twins import assert_twins, count

THEIRS = {
    "vgg-a": models.vgg11,
    "vgg-b": models.vgg13,
    "vgg-d": models.vgg16,
    "vgg-e": models.vgg19,
}


@pytest.mark.parametrize(("name", "theirs"), THEIRS.items())
def test_same_scores_as_torchvision(name, theirs):
    # VGG met à plat des cartes 7×7 : il lui faut la taille de l'article.
    assert_twins(reseaux.build(name, 10), lambda: theirs(weights=None, num_classes=10), 224)


@pytest.mark.parametrize(("configuration", "published"), VGG_MILLIONS.items())
def test_vgg_counts_match_the_paper(configuration, published):
    summary = reseaux.summarize(reseaux.build(f"vgg-{configuration}", device="meta"))
    assert round(summary.params / 1e6) == published


# Simonyan et Zisserman 2014, table 1, colonne C, que torchvision n'a pas : (noyau, filtres).
VGG_C = [(3, 64)] * 2 + [(3, 128)] * 2 + [(3, 256)] * 2 + [(1, 256)]
VGG_C += [(3, 512), (3, 512), (1, 512)] * 2


def test_vgg_c_matches_the_closed_form():
    expected, channels = 0, 3
    for kernel, filters in VGG_C:
        expected += filters * (channels * kernel**2 + 1)
        channels = filters
    expected += 4096 * (512 * 7 * 7 + 1) + 4096 * (4096 + 1) + 1000 * (4096 + 1)
    assert count(reseaux.build("vgg-c", device="meta")) == expected


def test_vgg_a_lrn_is_a_with_one_normalization():
    with_lrn, without = (reseaux.build(f"vgg-{c}", device="meta") for c in ("a-lrn", "a"))
    kinds = [type(layer) for layer in with_lrn.modules()]
    kinds.remove(nn.LocalResponseNorm)
    assert kinds == [type(layer) for layer in without.modules()]
    assert count(with_lrn) == count(without)


def test_vgg_depths_match_the_paper():
    assert [weight_layers(c) for c in CONFIGURATIONS] == [11, 11, 13, 16, 16, 19]


def test_unknown_configuration_is_named():
    with pytest.raises(reseaux.ReseauxError, match="« z » ne désigne pas une configuration de VGG"):
        VGG("z")


def vgg(stages):
    """Les étages en listes de noyaux ; 0 est la normalisation locale, qui suit la ReLU."""

    def formula(x, weights):
        for kernels in stages:
            for kernel in kernels:
                x = weights.conv(x, padding=kernel // 2) if kernel else local_norm(x)
            x = pool(x, 2, 2)
        return weights.linear(weights.linear(weights.linear(x.flatten(1)).relu()).relu())

    return formula


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("vgg-a-lrn", [(3, 0), (3,), (3, 3), (3, 3), (3, 3)]),
        ("vgg-c", [(3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)]),
    ],
)
def test_the_two_vgg_torchvision_does_not_have(name, stages):
    assert_recomputed(name, vgg(stages))
