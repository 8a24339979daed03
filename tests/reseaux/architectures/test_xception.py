"""Xception, comparé à timm et à l'article."""

import timm
import torch
from torch import nn

import reseaux
from twins import assert_twins, block_shapes, count


def test_same_scores_as_timm():
    ours = reseaux.build("xception", 10)
    assert_twins(ours, lambda: timm.create_model("legacy_xception", num_classes=10), 96)


def test_blocks_have_the_output_size_of_the_paper():
    shapes = block_shapes("xception")
    expected = {"entry3": (728, 19, 19), "middle8": (728, 19, 19), "exit": (1024, 10, 10)}
    assert {block: shapes[block] for block in expected} == expected


def test_it_has_the_parameters_of_the_paper():
    assert count(reseaux.build("xception", device="meta")) == 22_855_952  # [Chollet16, table 3]


def test_it_has_the_activations_of_timm():
    def activations(net):
        return sum(isinstance(layer, nn.ReLU) for layer in net.modules())

    with torch.device("meta"):
        theirs = timm.create_model("legacy_xception")
    assert activations(reseaux.build("xception", device="meta")) == activations(theirs)
