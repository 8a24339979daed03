"""Inception-v3, comparé à torchvision."""

import torch
from torchvision import models

import reseaux
from twins import assert_same_scores, assert_twins, block_shapes, copy_in_order, randomize


def test_same_scores_as_torchvision():
    def theirs():
        return models.inception_v3(None, num_classes=10, aux_logits=False, init_weights=False)

    assert_twins(reseaux.build("inception-v3", 10), theirs, 139)


@torch.no_grad()
def test_auxiliary_head_is_the_one_of_torchvision():
    torch.manual_seed(0)
    x = torch.randn(2, 768, 20, 23)  # plus grand que 17×17 : la moyenne finale a de quoi faire
    theirs = randomize(models.inception.InceptionAux(768, 10), x)
    ours = reseaux.build("inception-v3", num_classes=10, aux_heads=True).aux["b4"].eval()
    copy_in_order(theirs, ours)
    assert_same_scores(ours(x), theirs(x))


def test_auxiliary_scores_only_in_training():
    net = reseaux.build("inception-v3", num_classes=7, device="meta", aux_heads=True)
    x = torch.empty(2, *reseaux.NETWORKS["inception-v3"].input_size, device="meta")
    assert [tuple(scores.shape) for scores in net.train()(x)] == [(2, 7)] * 2
    assert tuple(net.eval()(x).shape) == (2, 7)


def test_blocks_have_the_output_size_of_the_paper():
    shapes = block_shapes("inception-v3")
    expected = {"a3": (288, 35, 35), "b4": (768, 17, 17), "c2": (2048, 8, 8)}
    assert {block: shapes[block] for block in expected} == expected
