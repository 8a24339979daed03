"""Les ResNet, comparés à torchvision."""

import pytest
from torchvision import models

import reseaux
from reseaux.architectures.resnet import ResNet
from twins import assert_twins

THEIRS = {
    "resnet-18": models.resnet18,
    "resnet-34": models.resnet34,
    "resnet-50": models.resnet50,
    "resnet-101": models.resnet101,
    "resnet-152": models.resnet152,
}


@pytest.mark.parametrize(("name", "theirs"), THEIRS.items())
def test_same_scores_as_torchvision(name, theirs):
    ours = reseaux.build(name, 10, v1_5=True)
    assert_twins(ours, lambda: theirs(weights=None, num_classes=10), 64)


def test_paper_resnet_has_same_parameters_but_fewer_operations():
    paper = reseaux.summarize(reseaux.build("resnet-50", device="meta"))
    v1_5 = reseaux.summarize(reseaux.build("resnet-50", device="meta", v1_5=True))
    assert paper.params == v1_5.params
    assert paper.macs < v1_5.macs


def test_unknown_depth_is_named():
    with pytest.raises(
        reseaux.ReseauxError, match="« 51 » ne désigne pas une profondeur de ResNet"
    ):
        ResNet(51)
