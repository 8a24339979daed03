"""Le choix des blocs : tout réseau tient dans un dessin lisible, sans perdre un paramètre."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import reseaux
from drawings import Read, number
from reseaux.anatomy.drawing import layout


def test_resnet_folds_its_repeated_modules(drawn):
    assert "×22" in Read(drawn("resnet-101")[1]).texts("params")
    assert "×35" in Read(drawn("resnet-152")[1]).texts("params")


@pytest.mark.parametrize("times", [2, 3])
def test_repeated_modules_are_named_from_the_first_to_the_last(times):
    def block():
        return nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1))

    read = Read(
        reseaux.draw(reseaux.summarize(nn.Sequential(*(block() for _ in range(times))), (4, 8, 8)))
    )
    assert f"×{times}" in read.texts("params")
    assert read.texts("nom") == [f"0 … {times - 1}"]


@pytest.mark.parametrize("more", [0, 1])
def test_a_drawing_is_folded_only_when_it_has_too_many_blocks(more):
    layers = (nn.Linear(n + 1, n + 2) for n in range(layout.MAX_BLOCKS + more))
    made = reseaux.draw(reseaux.summarize(nn.Sequential(*layers), (1,)))
    assert (made.blocks == layout.MAX_BLOCKS) == (not more)
    assert ("Trop de couches" in " ".join(Read(made).texts("g"))) == bool(more)


class Branches(nn.Module):
    """Des branches au hasard, jointes par une addition ou une concaténation, ou pas du tout."""

    def __init__(self, depths, join, channels):
        super().__init__()
        self.join = join
        self.branches = nn.ModuleList(
            nn.Sequential(*(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(depth)))
            for depth in depths
        )
        self.last = nn.Conv2d(channels * (len(depths) if join == "concat" else 1), channels, 1)

    def forward(self, x):
        made = [branch(x) for branch in self.branches]
        if self.join == "concat":
            return self.last(torch.cat(made, dim=1))
        return self.last(sum(made, x)) if self.join == "sum" else made


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 4), min_size=1, max_size=4),
            st.sampled_from(["concat", "sum"]),
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 3),
    st.booleans(),
)
def test_random_networks_with_branches(stages, channels, open_end):
    parts = [Branches(depths, join, channels) for depths, join in stages]
    if open_end:
        parts.append(Branches(stages[0][0], "none", channels))
    net = nn.Sequential(*parts)
    summary = reseaux.summarize(net, (channels, 8, 8))
    made = reseaux.draw(summary)
    read = Read(made)
    assert (
        sum(number(read.label(b, "params")) * read.times(b) for b in read.blocks) == summary.params
    )
    assert len(made.svg.encode()) <= 60_000


def up_and_down(n):
    """Deux couches qui changent de taille : ni répétition, ni suite de cartes d'une même taille."""
    return nn.Sequential(nn.Conv2d(n, n, 2, 2), nn.ConvTranspose2d(n, n + 1, 2, 2))


@pytest.mark.parametrize(
    ("net", "size"),
    [
        (nn.Linear(3, 2), (3,)),
        (nn.ReLU(), (3, 8, 8)),
        (nn.Sequential(*(nn.Linear(n + 1, n + 2) for n in range(200))), (1,)),
        (nn.Sequential(*(layer for n in range(1, 40) for layer in up_and_down(n))), (1, 8, 8)),
        (nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), (10, 32)),
        (nn.Sequential(nn.Conv1d(2, 3, 5), nn.BatchNorm1d(3)), (2, 20)),
        (nn.Conv3d(1, 2, 3), (1, 5, 6, 7)),
        (nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2)), (7,)),
    ],
)
def test_any_network_can_be_drawn(net, size):
    words = isinstance(net, nn.Sequential) and isinstance(net[0], nn.Embedding)
    summary = reseaux.summarize(net, size, dtypes=[torch.long] if words else None)
    made = reseaux.draw(summary)
    read = Read(made)
    assert made.blocks <= layout.MAX_BLOCKS
    assert (
        sum(number(read.label(b, "params")) * read.times(b) for b in read.blocks) == summary.params
    )
    assert len(made.svg.encode()) <= 60_000
