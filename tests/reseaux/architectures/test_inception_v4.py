"""Inception-v4, comparé à timm."""

import timm

import reseaux
from twins import assert_twins, block_shapes


def test_same_scores_as_timm():
    ours = reseaux.build("inception-v4", 10)
    assert_twins(ours, lambda: timm.create_model("inception_v4", num_classes=10), 139)


def test_blocks_have_the_output_size_of_the_paper():
    shapes = block_shapes("inception-v4")
    expected = {"a4": (384, 35, 35), "b7": (1024, 17, 17), "c3": (1536, 8, 8)}
    assert {block: shapes[block] for block in expected} == expected
