"""GoogLeNet, comparé à l'article et aux filtres de torchvision."""

import pytest
import torch
from torch import nn
from torchvision import models

import reseaux
from formulas import Weights, assert_recomputed, local_norm, pool
from twins import block_shapes, count

# Paramètres de la table 1 de GoogLeNet [Szegedy14], en « K » de 1024. Les lignes 4c (463) et 5a
# (1072) manquent : elles contredisent les nombres de filtres de la même table, que tous suivent.
GOOGLENET_K = {"3a": 159, "3b": 380, "4a": 364, "4b": 437, "4d": 580, "4e": 840, "5b": 1388}


@pytest.mark.parametrize(("block", "published"), GOOGLENET_K.items())
def test_googlenet_blocks_match_the_paper(block, published):
    net = reseaux.build("googlenet", device="meta")
    assert count(net.blocks[block]) / 1024 == pytest.approx(published, rel=0.02)


# Colonne « ops » de la même table, en millions. La ligne 5a (54) manque, pour la même raison.
GOOGLENET_OPS = {
    "3a": 128,
    "3b": 304,
    "4a": 73,
    "4b": 88,
    "4c": 100,
    "4d": 119,
    "4e": 170,
    "5b": 71,
}


@pytest.mark.parametrize(("block", "published"), GOOGLENET_OPS.items())
def test_googlenet_operations_match_the_paper(block, published):
    params = count(reseaux.build("googlenet", device="meta").blocks[block])
    _, height, width = block_shapes("googlenet")[block]
    assert params * height * width / 1e6 == pytest.approx(published, rel=0.02)


def test_googlenet_has_torchvision_filters():
    def filters(net):
        return [m.out_channels for m in net.modules() if isinstance(m, nn.Conv2d)]

    with torch.device("meta"):
        theirs = models.GoogLeNet(aux_logits=False, init_weights=False)
    assert filters(reseaux.build("googlenet", device="meta")) == filters(theirs)


def test_auxiliary_scores_only_in_training():
    net = reseaux.build("googlenet", num_classes=7, device="meta", aux_heads=True)
    x = torch.empty(2, *reseaux.NETWORKS["googlenet"].input_size, device="meta")
    assert [tuple(scores.shape) for scores in net.train()(x)] == [(2, 7)] * 3
    assert tuple(net.eval()(x).shape) == (2, 7)


def test_blocks_have_the_output_size_of_the_paper():
    shapes = block_shapes("googlenet")
    expected = {"3b": (480, 28, 28), "4e": (832, 14, 14), "5b": (1024, 7, 7)}
    assert {block: shapes[block] for block in expected} == expected


def module(x, weights):
    branches = [weights.conv(x), weights.conv(weights.conv(x), padding=1)]
    branches += [weights.conv(weights.conv(x), padding=2), weights.conv(pool(x, 3, 1, 1))]
    return torch.cat(branches, dim=1)


def googlenet(x, weights):
    """Szegedy et coll. 2014, table 1 et figure 3 : normalisation après le pooling, puis avant."""
    x = local_norm(pool(weights.conv(x, stride=2, padding=3), up=True))
    x = pool(local_norm(weights.conv(weights.conv(x), padding=1)), up=True)
    for modules, halved in ((2, True), (5, True), (2, False)):
        for _ in range(modules):
            x = module(x, weights)
        x = pool(x, up=True) if halved else x
    return weights.linear(x.mean(dim=(2, 3)))


def test_googlenet_is_the_one_of_the_paper():
    assert_recomputed("googlenet", googlenet)


@torch.no_grad()
def test_auxiliary_heads_are_those_of_the_paper():
    """Figure 3 : moyenne 5×5 de pas 3, 1×1, ReLU, connectée, ReLU, dropout, connectée."""
    net = reseaux.build("googlenet", 10, aux_heads=True)
    for name, channels in (("4a", 512), ("4d", 528)):
        x, head = torch.randn(2, channels, 14, 14), net.aux[name].eval()
        weights = Weights(head)
        y = weights.conv(nn.functional.avg_pool2d(x, 5, 3)).flatten(1)
        torch.testing.assert_close(head(x), weights.linear(weights.linear(y).relu()))
