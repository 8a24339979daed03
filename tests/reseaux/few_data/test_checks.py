"""Ce que les transformations acceptent, et ce qu'elles refusent avant tout tirage."""

import math

import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import given
from torch import nn
from torchvision import tv_tensors

from random_images import as_kind, image_cases, make, random_image
from reseaux.errors import ReseauxError
from reseaux.few_data.checks import check_inputs, check_network, is_image

BYTES = random_image(0)
MASK = tv_tensors.Mask(torch.zeros(12, 14, dtype=torch.uint8))
BOXES = tv_tensors.BoundingBoxes([[0, 0, 3, 3]], format="XYXY", canvas_size=(12, 14))


def test_masks_and_boxes_are_not_images():
    assert is_image(tv_tensors.Video(torch.zeros(2, 3, 4, 4)))
    assert [is_image(x) for x in (BYTES, as_kind(BYTES, "tv"), as_kind(BYTES, "pil"))] == [True] * 3
    assert not any(is_image(x) for x in (MASK, BOXES, np.asarray(BYTES), 3))


@given(**image_cases([torch.uint8, torch.float16, torch.float32, torch.float64], 1, 9))
def test_every_kind_of_image_passes(**case):
    image = make(**case)
    assert check_inputs([image], moves=True)[0] is image


def test_the_first_tensor_is_the_image_unless_one_says_it_is():
    label = torch.tensor(3.0)
    assert check_inputs([BYTES, label], moves=False)[0] is BYTES
    explicit = tv_tensors.Image(BYTES)
    (changed,) = check_inputs([label, explicit, MASK], moves=True)
    assert changed is explicit


def test_what_moves_together_has_one_size_and_colours_do_not_care():
    small = tv_tensors.Mask(torch.zeros(6, 14, dtype=torch.uint8))
    image = tv_tensors.Image(BYTES)
    assert len(check_inputs([image, small], moves=False)) == 1
    with pytest.raises(ReseauxError, match="12 × 14"):
        check_inputs([image, small], moves=True)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (PIL.Image.new("RGBA", (4, 4)), "RGBA"),
        (PIL.Image.new("L", (0, 4)), "vide"),
        (torch.zeros(4, 4), "trois dimensions"),
        (torch.zeros(3, 0, 4), "vide"),
        (torch.zeros(4, 4, 3), "movedim"),
        (torch.zeros(3, 4, 4, dtype=torch.int64), "int64"),
        (torch.full((3, 4, 4), 1.01), "normaliser"),
        (torch.full((3, 4, 4), -0.01), "normaliser"),
        (torch.full((3, 4, 4), math.nan), "NaN"),
        (torch.zeros(3, 4, 4, device="meta"), "meta"),
        (torch.zeros(3, 4, 4, dtype=torch.uint8, device="meta"), "meta"),
        (torch.zeros(3, 4, 4, dtype=torch.complex64), "complexe"),
        (torch.ones(3, 4, 4).to_sparse(), "creux"),
        (np.zeros((4, 4, 3), np.uint8), "to_image"),
    ],
)
def test_a_refusal_says_why(image, words):
    with pytest.raises(ReseauxError, match=words):
        check_inputs([image], moves=False)


def test_a_network_must_have_a_weight_that_learns_and_has_a_value():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    check_network(network)
    network[0].requires_grad_(False)
    check_network(network)
    for useless in (network.requires_grad_(False), nn.Flatten()):
        with pytest.raises(ReseauxError, match=type(useless).__name__):
            check_network(useless)
    with pytest.raises(ReseauxError, match="meta"):
        check_network(nn.Linear(2, 2, device="meta"))


def test_nothing_is_refused_too():
    with pytest.raises(ReseauxError, match="rien"):
        check_inputs([], moves=False)
