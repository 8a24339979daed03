"""Les blocs, contre les lignes du résumé."""

from collections import Counter

import pytest
import torch
from torch import nn
from torchvision import models

import reseaux
from drawings import Read, arrows, both, every_network, module, number
from reseaux.anatomy.drawing.blocks import blocks_of
from reseaux.anatomy.kinds import Kind
from reseaux.formatting import dimensions

SHORT = {kind.short: kind for kind in (Kind.CONVOLUTION, Kind.MAX_POOL, Kind.LINEAR)}


@every_network
def test_the_parameters_of_the_labels_add_up(name, drawn):
    summary, made = drawn(name)
    for read in both(made):
        total = sum(number(read.label(b, "params")) * read.times(b) for b in read.blocks)
        assert total == summary.params


@every_network
def test_every_block_says_what_a_row_says(name, drawn):
    """Forme, noyau et pas de chaque bloc se trouvent ensemble dans une ligne du résumé."""
    summary, made = drawn(name)
    read = Read(made)
    times = dimensions
    rows = {
        (row.kind, times(row.kernel), times(row.stride) if row.kernel else "", times(row.output))
        for row in summary.rows
    }
    shapes = {times(row.output) for row in summary.rows}
    known = 0
    for block in read.blocks:
        kind, _, kernel = read.label(block, "genre").partition(" ")
        shape = read.label(block, "forme")
        if kind == "entrée":
            assert shape == times(summary.input_size)
        elif kind in SHORT:
            stride = read.label(block, "pas").removeprefix("pas ") or "1"
            stride = stride if "×" in stride else f"{stride}×{stride}"
            assert (SHORT[kind], kernel, stride if kernel else "", shape) in rows
            known += 1
        elif shape:
            assert shape in shapes
    assert known >= 1


@pytest.mark.parametrize("name", ["alexnet", "vgg-d", "nin", "resnet-18", "squeezenet"])
def test_a_detailed_drawing_has_every_convolution(name, drawn):
    summary, made = drawn(name)
    read = Read(made)
    shown = Counter()
    for block in read.blocks:
        if read.label(block, "genre").startswith("conv "):
            shown[read.label(block, "forme")] += read.times(block)
    expected = Counter(
        dimensions(row.output) for row in summary.rows if row.kind is Kind.CONVOLUTION
    )
    assert shown == expected


@pytest.mark.parametrize(
    ("name", "blocks", "links"),
    [("goulot", 4, 5), ("projection", 4, 5), ("fire", 4, 5), ("inception", 8, 11)],
)
def test_a_module_shows_its_branches(name, blocks, links):
    """Un bloc par couche, et une flèche par lien du résumé."""
    made = reseaux.draw(module(name))
    assert made.blocks == blocks
    assert len(arrows(made)) == links


def test_a_shortcut_from_the_entry_is_drawn():
    """Le résumé ne nomme pas l'entrée du réseau : les tailles la retrouvent."""
    with torch.device("meta"):
        basic = models.resnet18(weights=None).layer1[0]
    assert len(arrows(reseaux.draw(reseaux.summarize(basic, (64, 56, 56))))) == 4


def test_what_is_never_called_is_counted_in_a_last_block():
    """Les classifieurs auxiliaires de GoogLeNet ne servent qu'à l'apprentissage."""
    with torch.device("meta"):
        net = models.googlenet(weights=None, init_weights=False).eval()
    made = blocks_of(reseaux.summarize(net))
    aside = sum(p.numel() for part in (net.aux1, net.aux2) for p in part.parameters())
    assert [block.kind for block in made if not block.output] == [Kind.UNUSED]
    assert (made[-1].kind, made[-1].params) == (Kind.UNUSED, aside)


def test_a_convolution_and_its_normalization_are_one_block():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3), nn.ReLU())
    _, first, second = blocks_of(reseaux.summarize(net, (3, 8, 8)))
    assert (first.normalized, first.params) == (True, 3 * 4 * 9 + 4 + 2 * 4)
    assert (second.normalized, second.params) == (False, 4 * 4 * 9 + 4)
