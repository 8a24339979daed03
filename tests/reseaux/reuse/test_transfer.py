"""Préparer des images pour un réseau, et s'en servir."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models, transforms

from reseaux import data
from reseaux.errors import ReseauxError
from reseaux.reuse import transfer, weights
from watched_network import watched


@pytest.fixture(scope="module")
def net() -> weights.Pretrained:
    return weights.load()


def test_prepare_repeats_grey_and_scales(net: weights.Pretrained) -> None:
    images = np.zeros((2, 8, 8), np.float32)
    images[1] = 1
    out = transfer.prepare(net, images, 24)
    assert out.shape == (2, 3, 24, 24)
    assert torch.equal(out[0], torch.full((3, 24, 24), -1.0))
    torch.testing.assert_close(out[1], torch.ones(3, 24, 24))
    color = np.random.default_rng(0).random((1, 6, 6, 3)).astype(np.float32)
    kept = transfer.prepare(net, color, 6)
    np.testing.assert_allclose(kept[0].permute(1, 2, 0).numpy(), 2 * color[0] - 1, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "value", "message"),
    [
        ((2, 8), 0, "forme"),
        ((2, 8, 8, 4), 0, "forme"),
        ((0, 8, 8), 0, "forme"),
        ((1, 8, 8), 255, "divisez"),
        ((1, 8, 8), -0.5, "divisez"),
        ((1, 8, 8), np.nan, "entre 0 et 1"),
    ],
)
def test_prepare_refuses(
    net: weights.Pretrained, shape: tuple[int, ...], value: float, message: str
) -> None:
    with pytest.raises(ReseauxError, match=message):
        transfer.prepare(net, np.full(shape, value, np.float32))


IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet50", IMAGENET),
        ("convnext_tiny", IMAGENET),
        ("efficientnet_v2_l", ((0.5,) * 3, (0.5,) * 3)),
    ],
)
def test_each_network_has_its_own_normalization(
    name: str, expected: tuple[tuple[float, ...], tuple[float, ...]]
) -> None:
    """Oracle : la normalisation de torchvision, canal par canal, à la même taille."""
    model = nn.Conv2d(3, 1, 1)
    transform = models.get_model_weights(name).DEFAULT.transforms()  # type: ignore[attr-defined]
    pretrained = weights.Pretrained(name, model, transform, (), ())
    np.testing.assert_allclose(transfer.normalization(pretrained), expected, atol=1e-5)
    photo = np.asarray(data.photo("coffee").resize((32, 32)))
    ours = transfer.prepare(pretrained, photo[None] / np.float32(255), 32)[0]
    theirs = transforms.Normalize(*expected)(
        transforms.functional.to_tensor(Image.fromarray(photo))
    )
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "efficientnet_b0"])
def test_a_network_gets_the_images_prepared_for_it(name: str) -> None:
    """Poids au hasard, normalisation qu'aucun autre n'a : lu à chaque profondeur, puis réglé."""
    sides: set[int] = set()
    pretrained = watched(name, sides)
    digits = data.digits().sample(1, seed=0)[0]
    x, y = transfer.prepare(pretrained, digits, 40), torch.from_numpy(digits.labels)
    found = transfer.extract_features(pretrained.model, x)
    assert len(found) == len(transfer.depth_names(pretrained.model))
    tuned = transfer.fine_tune(pretrained, x, y, 10, first_trained=len(found) - 1, epochs=1)
    assert tuned(x).shape == (10, 10)
    assert sides == {40}
    with pytest.raises(AssertionError):  # la surveillance mord
        transfer.extract_features(pretrained.model, transfer.prepare(weights.load(), digits, 40))


def test_resized_images_are_a_copy() -> None:
    for images in (np.full((1, 8, 8), 0.5, np.float32), np.full((1, 8, 8, 3), 0.5, np.float32)):
        transfer.resize(images, 8).zero_()
        assert (images == 0.5).all()


def test_a_preparation_that_erases_the_image_is_refused(net: weights.Pretrained) -> None:
    for transform in (lambda _: torch.ones(3, 8, 8), lambda _: torch.ones(1, 8, 8)):
        with pytest.raises(ReseauxError, match="trois canaux plus clairs"):
            transfer.normalization(dataclasses.replace(net, transform=transform))


def test_middle_of_the_network_wins_far_from_imagenet(net: weights.Pretrained) -> None:
    train, test = data.digits().sample(20, seed=0)
    test, _ = test.sample(20, seed=0)
    known, held = (
        transfer.extract_features(net.model, transfer.prepare(net, part)) for part in (train, test)
    )
    scores = [
        transfer.linear_probe(known[d], train.labels).score(held[d], test.labels) for d in (0, 5, 8)
    ]
    assert scores[1] > scores[0] + 0.1
    assert scores[1] > scores[2] + 0.04


@pytest.mark.parametrize("size", [5, 16])
def test_resizing_is_that_of_torchvision(size: int) -> None:
    """Oracle : la réduction et l'agrandissement bicubiques de torchvision, anticrénelés."""
    images = np.random.default_rng(0).random((2, 8, 8, 3)).astype(np.float32)
    expected = transforms.functional.resize(
        torch.from_numpy(images).permute(0, 3, 1, 2), [size, size],
        transforms.InterpolationMode.BICUBIC, antialias=True,
    ).clamp(0, 1)  # fmt: skip
    torch.testing.assert_close(transfer.resize(images, size), expected)
    assert transfer.resize(images.round(), size).aminmax() == (0, 1)
