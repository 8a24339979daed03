"""Les enveloppes : une image à la fois, une entrée vérifiée, un tirage répété."""

import contextlib

import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from random_images import random_image
from reseaux.errors import ReseauxError
from reseaux.few_data import wrappers as W
from reseaux.few_data.augmentations import AUGMENTATIONS


def test_per_image_draws_once_per_image():
    batch = random_image(9, (1, 3, 16, 16)).repeat(8, 1, 1, 1)
    torch.manual_seed(0)
    assert len(v2.RandomRotation(90)(batch).unique(dim=0)) == 1
    assert len(W.PerImage(v2.RandomRotation(90))(batch).unique(dim=0)) == 8


def test_per_image_is_a_loop():
    batch = random_image(10, (5, 3, 16, 16))
    torch.manual_seed(3)
    whole = W.PerImage(v2.RandomRotation(90))(batch)
    torch.manual_seed(3)
    assert torch.equal(whole, torch.stack([v2.RandomRotation(90)(image) for image in batch]))
    assert W.PerImage(v2.RandomRotation(90))(batch[:0]).shape == (0, 3, 16, 16)


@pytest.mark.parametrize("name", ["color", "rotation", "flip", "translation"])
def test_per_image_on_a_batch_is_each_image_alone(name):
    transform = AUGMENTATIONS[name].at(AUGMENTATIONS[name].strengths[2], (16, 16))
    batch = random_image(22, (4, 3, 16, 16))
    torch.manual_seed(8)
    whole = W.PerImage(transform)(batch)
    torch.manual_seed(8)
    assert torch.equal(whole, torch.stack([transform(image) for image in batch]))


def test_per_image_refuses_images_of_different_sizes():
    sizes = iter([4, 5])
    with pytest.raises(ReseauxError, match="Resize"):
        W.PerImage(lambda image: image[:, : next(sizes)])(torch.rand(2, 3, 8, 8))


def test_strict_clamps_what_goes_over_and_not_its_input():
    image = torch.full((1, 4, 4), 0.5)
    assert W.Strict(lambda x: x * 3)(image).max() == 1
    assert W.Strict(lambda x: x - 3)(image).min() == 0
    assert torch.equal(image, torch.full((1, 4, 4), 0.5))
    octets = random_image(23)
    assert torch.equal(W.Strict(v2.RandomHorizontalFlip(1))(octets), octets.flip(-1))


def test_strict_leaves_what_goes_with_the_image_alone():
    image, label = tv_tensors.Image(random_image(23, dtype=torch.float32)), torch.tensor([7.0])
    changed, kept = W.Strict(v2.RandomHorizontalFlip(1))(image, label)
    assert torch.equal(changed, image.flip(-1))
    assert kept is label
    assert label == 7


def test_seeded_repeats_whatever_happens_around():
    image = random_image(24, (3, 16, 16))
    turn = W.Seeded(v2.RandomRotation(90), seed=3)
    torch.manual_seed(0)
    first = turn(image)
    torch.rand(5)
    before = torch.get_rng_state()
    assert torch.equal(turn(image), first)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(3)
    assert torch.equal(v2.RandomRotation(90)(image), first)
    assert not torch.equal(W.Seeded(v2.RandomRotation(90), seed=4)(image), first)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: W.Seeded(v2.Identity(), -1), "« seed »"),
        (lambda: W.PerImage(v2.RandomHorizontalFlip())(torch.rand(1, 2, 3, 4, 4)), "lot"),
        (lambda: W.Seeded("x", 0), "une fonction"),
        (lambda: W.Strict(None), "une fonction"),
        (
            lambda: W.Strict(v2.Identity())(
                tv_tensors.Image(torch.rand(1, 4, 4)), tv_tensors.Mask(torch.zeros(4, 5))
            ),
            "4 × 5",
        ),
        (lambda: W.PerImage(3), "une fonction"),
        (lambda: W.PerImage(lambda image: None)(torch.rand(2, 3, 4, 4)), "Resize"),
        (lambda: W.PerImage(v2.RandomHorizontalFlip())(torch.rand(3, 4, 4)), "lot"),
    ],
)
def test_bad_values_are_explained_in_french(call, words):
    with pytest.raises(ReseauxError, match=words.replace("(", r"\(").replace(")", r"\)")):
        call()


@pytest.mark.parametrize(("started", "cards"), [(False, []), (True, [0, 1])])
def test_seeded_gives_back_the_chance_of_every_card_in_use(monkeypatch, started, cards):
    asked = []

    @contextlib.contextmanager
    def fork_rng(devices):
        asked.extend(devices)
        yield

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: started)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.random, "fork_rng", fork_rng)
    W.Seeded(lambda x: x, 0)(torch.zeros(1))
    assert asked == cards


def test_per_image_does_not_join_octets_and_floats():
    drawn = iter([True, False])
    half = W.PerImage(lambda image: image / 255 if next(drawn) else image)
    with pytest.raises(ReseauxError, match="d'un même type"):
        half(torch.full((2, 1, 4, 4), 200, dtype=torch.uint8))
