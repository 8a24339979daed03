"""Ce qui est replié, et ce que le bloc en dit."""

import re

import pytest
import torch
from torch import nn
from torchvision import models

import reseaux
from counting import Branches
from drawings import SVG, Read, arrows, number
from reseaux.anatomy.drawing.blocks import blocks_of
from reseaux.anatomy.drawing.folding import fold, joining_key
from reseaux.anatomy.kinds import Kind


def test_a_block_wider_than_a_line_folds_its_modules():
    with torch.device("meta"):
        block = models.densenet121(weights=None).features.denseblock1
    summary = reseaux.summarize(block, (64, 56, 56))
    made = reseaux.draw(summary)
    read = Read(made)
    assert made.blocks <= 10
    assert sum(number(read.label(b, "params")) for b in read.blocks) == summary.params


def test_a_whole_inception_network_shows_its_modules_as_blocks(drawn):
    read = Read(drawn("googlenet")[1])
    modules = [b for b in read.blocks if read.label(b, "genre").startswith("blocks.")]
    assert len(modules) == 9
    said = {t.text for b in modules for t in b.iter(f"{SVG}text") if t.get("class") == "dedans"}
    assert said == {"6 conv, 1 pool", "4 branches"}
    assert "dessiné d'un bloc" in " ".join(read.texts("g"))
    assert len(arrows(drawn("googlenet")[1])) == len(read.blocks) - 1  # une chaîne
    ends = [re.findall(r"[ML]([-\d.]+) ", p.get("d")) for p in arrows(drawn("googlenet")[1])]
    assert all(float(xs[-1]) - float(xs[0]) < 150 for xs in ends)  # d'un bloc au suivant


def test_depth_folds_the_modules_of_a_level(drawn):
    summary, _ = drawn("googlenet")
    made = reseaux.draw(summary, depth=1)
    read = Read(made)
    assert [read.label(b, "genre") for b in read.blocks[1:]] == ["stem", "blocks", "head"]
    assert sum(number(read.label(b, "params")) for b in read.blocks) == summary.params


class Doubled(nn.Module):
    """Concatène l'entrée et ce qu'une couche en fait."""

    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return torch.cat([x, self.conv(x)], dim=1)


@pytest.mark.parametrize(
    ("net", "size", "said"),
    [
        (lambda: reseaux.build("squeezenet"), (3, 227, 227), {"2 branches"}),
        (lambda: models.resnet18(weights=None), (3, 64, 64), {"raccourci", "2 branches"}),
        (lambda: models.densenet121(weights=None).features, (3, 64, 64), {"liens denses"}),
        (
            lambda: nn.Sequential(nn.Conv2d(3, 4, 3), Doubled(4), Doubled(8)),
            (3, 9, 9),
            {"2 branches"},
        ),
    ],
)
def test_a_folded_module_says_its_paths(net, size, said):
    with torch.device("meta"):
        made = blocks_of(reseaux.summarize(net().eval(), size))
    modules = [b for b in fold(made, joining_key(made)) if b.kind is Kind.MODULE]
    assert modules
    assert {block.inside[-1] for block in modules} == said


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (Branches(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, padding=1)), ["2 conv", "2 branches"]),
        (
            Branches(nn.Conv2d(4, 4, 1), nn.MaxPool2d(3, 1, 1), nn.Identity(), concatenate=True),
            ["1 conv, 1 pool", "3 branches"],
        ),
        (Branches(nn.Conv2d(4, 4, 1), nn.Identity()), ["1 conv", "raccourci"]),
        (nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)), ["2 conv"]),
    ],
)
def test_a_folded_module_says_how_its_paths_go(block, said):
    net = nn.Sequential(nn.Conv2d(3, 4, 1), block)
    read = Read(reseaux.draw(reseaux.summarize(net, (3, 8, 8)), depth=1))
    texts = read.blocks[-1].iter(f"{SVG}text")
    assert [text.text for text in texts if text.get("class") == "dedans"] == said
