"""Les transformations : oracles de PIL et de torchvision, puis propriétés au hasard."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from random_images import as_kind, image_cases, make, random_image, same
from reseaux.errors import ReseauxError
from reseaux.few_data import transforms as T

# --- contraste par canal --------------------------------------------------------------------------


@pytest.mark.parametrize("factors", [(0.0, 1.0, 2.0), (0.3, 0.7, 1.6), (1.0, 1.0, 1.0)])
def test_contrast_is_pil_contrast_on_each_channel(factors):
    image = random_image(0)
    ours = T.channel_contrast(F.to_pil_image(image), torch.tensor(factors))
    for band, channel, factor in zip(
        F.to_pil_image(image).split(), ours.split(), factors, strict=True
    ):
        oracle = ImageEnhance.Contrast(band).enhance(factor)
        gap = np.abs(np.asarray(oracle, int) - np.asarray(channel, int))
        assert gap.max() <= 2  # PIL arrondit la moyenne, puis tronque


@pytest.mark.parametrize("factors", [(0.0, 1.0, 2.0), (0.3, 0.7, 1.6)])
def test_contrast_is_torchvision_contrast_on_each_channel(factors):
    image = random_image(1, dtype=torch.float64)
    ours = T.channel_contrast(image, torch.tensor(factors, dtype=torch.float64))
    for k, factor in enumerate(factors):
        torch.testing.assert_close(ours[k : k + 1], F.adjust_contrast(image[k : k + 1], factor))


@settings(max_examples=40, deadline=None)
@given(
    factors=st.lists(st.floats(0, 2), min_size=3, max_size=3),
    shape=st.sampled_from([(3, 12, 14), (3, 1, 1), (3, 7, 5), (2, 3, 9, 4)]),
    seed=st.integers(0, 99),
)
def test_contrast_of_octets_is_the_rounded_formula(factors, shape, seed):
    image, factors = random_image(seed, shape), torch.tensor(factors, dtype=torch.float64)
    exact = image.double()
    means = exact.mean((-2, -1), keepdim=True)
    oracle = (means + factors.reshape(3, 1, 1) * (exact - means)).clamp(0, 255)
    gap = T.channel_contrast(image, factors).double() - oracle
    assert gap.abs().max() <= 0.5 + 1e-4


def test_contrast_of_octets_is_rounded_and_not_cut():
    image, factors = random_image(13, (3, 60, 60)), torch.tensor([0.3, 0.45, 0.7])
    gap = (
        T.channel_contrast(image, factors).double()
        - T.channel_contrast(image.double() / 255, factors) * 255
    )
    assert abs(gap.mean()) < 0.1  # une troncature assombrirait d'un demi-niveau


def test_contrast_of_a_batch_uses_each_image_own_mean():
    batch = random_image(2, (4, 3, 9, 9), torch.float32)
    factors = torch.tensor([0.2, 1.0, 1.7])
    one_by_one = torch.stack([T.channel_contrast(image, factors) for image in batch])
    torch.testing.assert_close(T.channel_contrast(batch, factors), one_by_one)


def test_contrast_leaves_a_flat_image_alone():
    flat = torch.full((3, 5, 5), 77, dtype=torch.uint8)
    assert torch.equal(T.ChannelContrast(1.0)(flat), flat)


def test_contrast_draws_channels_separately_within_bounds():
    transform = T.ChannelContrast(0.4)
    image = random_image(3)
    torch.manual_seed(0)
    factors = torch.tensor([transform.make_params([image])["factors"] for _ in range(500)])
    assert factors.shape == (500, 3)
    assert 0.6 <= factors.min() < 0.62
    assert 1.38 < factors.max() <= 1.4
    assert abs(np.corrcoef(factors.T.numpy())[0, 1]) < 0.15


@pytest.mark.parametrize("factors", [(0.0, 0.45, 1.8), (1.0, 1.0, 1.0), (3.0, 0.5, 1.0)])
def test_contrast_agrees_between_octets_pil_and_floats(factors):
    image, factors = random_image(14, (3, 17, 11)), torch.tensor(factors)
    ours = T.channel_contrast(image, factors)
    pil = T.channel_contrast(F.to_pil_image(image), factors)
    assert torch.equal(F.pil_to_tensor(pil), ours)
    floats = T.channel_contrast(image.double() / 255, factors.double())
    assert torch.equal((floats * 255 + 1e-9).round().to(torch.uint8), ours)


def test_contrast_of_octets_in_a_batch_uses_each_image_own_mean_and_channel():
    batch = random_image(15, (2, 4, 3, 6, 5))
    batch[0] //= 4
    factors = torch.tensor([0.2, 1.0, 1.7])
    whole = T.channel_contrast(batch, factors)
    for image, changed in zip(batch.flatten(0, 1), whole.flatten(0, 1), strict=True):
        assert torch.equal(T.channel_contrast(image, factors), changed)


def test_contrast_does_not_depend_on_the_memory_layout():
    image, factors = random_image(16, (5, 7, 3)), torch.tensor([0.2, 1.0, 1.7])
    image = image.permute(2, 0, 1)
    assert torch.equal(
        T.channel_contrast(image, factors), T.channel_contrast(image.contiguous(), factors)
    )


@pytest.mark.parametrize("order", [(3, 1), (1, 3)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_contrast_of_a_grey_and_a_colour_image_together(order, dtype):
    pair = [tv_tensors.Image(random_image(k, (2, c, 6, 6), dtype)) for k, c in enumerate(order)]
    torch.manual_seed(0)
    changed = T.ChannelContrast(1.0)(*pair)
    torch.manual_seed(0)
    factors = 2 * torch.rand(3)
    for image, output in zip(pair, changed, strict=True):
        oracle = T.channel_contrast(image, factors[: image.shape[-3]])
        torch.testing.assert_close(output, oracle)


# --- bruit ----------------------------------------------------------------------------------------


def test_noise_has_the_asked_deviation():
    grey = torch.full((3, 200, 200), 0.5)
    torch.manual_seed(0)
    noisy = T.GaussianNoise(0.05)(grey)
    assert noisy.std().item() == pytest.approx(0.05, rel=0.02)
    assert noisy.mean().item() == pytest.approx(0.5, abs=0.001)
    octets = T.GaussianNoise(0.05)((grey * 255).round().to(torch.uint8)).float() / 255
    assert octets.std().item() == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_noise_on_floats_is_torchvision_noise(dtype):
    image = random_image(4, dtype=dtype)
    torch.manual_seed(5)
    ours = T.GaussianNoise(0.2)(image)
    torch.manual_seed(5)
    torch.testing.assert_close(ours, v2.GaussianNoise(sigma=0.2)(image))


def test_noise_on_octets_is_the_rounded_noise_of_floats():
    image = random_image(17, (3, 40, 40))
    torch.manual_seed(6)
    ours = T.GaussianNoise(0.2)(image)
    torch.manual_seed(6)
    exact = image.double() + 255 * 0.2 * torch.randn(image.shape).double()
    gap = ours.double() - exact.clamp(0, 255)
    assert gap.abs().max() <= 0.5 + 1e-3
    assert abs(gap.mean()) < 0.02  # tronquer assombrirait d'un demi-niveau


def test_noise_does_not_depend_on_the_memory_layout():
    image = random_image(18, (9, 8, 3)).permute(2, 0, 1)
    same_image = [image, image.contiguous(), F.to_pil_image(image)]
    outputs = []
    for kind in same_image:
        torch.manual_seed(7)
        outputs.append(F.to_image(T.GaussianNoise(0.2)(kind)))
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[0], outputs[2])


def test_noise_differs_from_one_image_of_a_batch_to_the_next():
    batch = random_image(19, (1, 3, 8, 8)).repeat(4, 1, 1, 1)
    assert len(T.GaussianNoise(0.2)(batch).unique(dim=0)) == 4


# --- déformation élastique ------------------------------------------------------------------------


@pytest.mark.parametrize(("pixels", "smoothness"), [(1.0, 2.0), (3.0, 4.0)])
def test_elastic_moves_by_the_asked_number_of_pixels(pixels, smoothness):
    transform = T.Elastic(pixels, smoothness)
    image = torch.zeros(1, 160, 160)
    torch.manual_seed(0)
    shifts = torch.cat([transform.make_params([image])["displacement"] for _ in range(6)])
    inside = shifts[:, 20:-20, 20:-20]  # les bords, où le lissage se replie, bougent davantage
    assert (inside * 160 / 2).std().item() == pytest.approx(pixels, rel=0.1)


@pytest.mark.parametrize("smoothness", [0.5, 1.5, 3.0, 4.99])
@pytest.mark.parametrize("shape", [(3, 40, 50), (1, 61, 41), (2, 3, 44, 44)])
def test_elastic_is_torchvision_elastic(smoothness, shape):
    image = random_image(6, shape, torch.float64)
    alpha = 2 * 4 * smoothness * math.sqrt(3 * math.pi)
    oracle = v2.ElasticTransform(alpha=alpha, sigma=smoothness, fill=None)
    torch.manual_seed(1)
    shift = T.Elastic(2.0, smoothness).make_params([image])["displacement"]
    torch.manual_seed(1)
    torch.testing.assert_close(shift, oracle.make_params([image])["displacement"])
    torch.manual_seed(1)
    ours = T.Elastic(2.0, smoothness)(image)
    torch.manual_seed(1)
    torch.testing.assert_close(ours, oracle(image), atol=1e-3, rtol=0)


@pytest.mark.parametrize("smoothness", [0.5, 1.0, 3.99, 4.0])
def test_elastic_takes_the_smallest_image_it_says(smoothness):
    side = int(8 * smoothness + 1) // 2 + 1
    T.Elastic(1, smoothness)(torch.rand(1, side, side + 3))
    with pytest.raises(ReseauxError, match=r"smoothness=|Agrandissez"):
        T.Elastic(1, smoothness)(torch.rand(1, side + 3, side - 1))


def test_elastic_brings_back_what_interpolation_rounds_over(monkeypatch):
    monkeypatch.setattr(v2.ElasticTransform, "transform", lambda self, image, params: image + 1e-6)
    assert T.Elastic(4, 2)(torch.ones(1, 64, 64)).max() == 1


def test_elastic_moves_a_mask_with_its_image_and_colours_leave_it():
    pixels = random_image(7, (1, 40, 40)).round()
    image, mask = tv_tensors.Image(pixels), tv_tensors.Mask(pixels[0])
    torch.manual_seed(0)
    _, moved = T.Elastic(3.0, 3.0)(image, mask)
    assert not torch.equal(moved, mask)
    for colour in (T.ChannelContrast(1.0), T.GaussianNoise(0.5)):
        changed, kept = colour(image, mask)
        assert torch.equal(kept, mask)
        assert not torch.equal(changed, image)


# --- propriétés communes --------------------------------------------------------------------------

TRANSFORMS = {
    "contraste": lambda strength: T.ChannelContrast(strength),
    "bruit": lambda strength: T.GaussianNoise(strength),
    "élastique": lambda strength: T.Elastic(5 * strength, 1.5),
}
cases = {"name": st.sampled_from(sorted(TRANSFORMS))} | image_cases(
    [torch.uint8, torch.float32, torch.float64, torch.float16], 7, 20
)


@settings(max_examples=60, deadline=None)
@given(strength=st.floats(0, 1), **cases)
def test_type_shape_dtype_and_range_are_kept(name, strength, **case):
    image = make(**case)
    torch.manual_seed(case["seed"])
    output = TRANSFORMS[name](strength)(image)
    assert type(output) is type(image)
    if isinstance(image, Image.Image):
        assert (output.mode, output.size) == (image.mode, image.size)
        return
    assert output.shape == image.shape
    assert output.dtype == image.dtype
    assert output.min() >= 0
    assert output.max() <= (255 if image.dtype == torch.uint8 else 1)


@settings(max_examples=60, deadline=None)
@given(**cases)
def test_zero_strength_changes_nothing(name, **case):
    image = make(**case)
    assert same(TRANSFORMS[name](0)(image), image)


@settings(max_examples=40, deadline=None)
@given(**cases)
def test_the_seed_repeats_the_draw_and_the_input_is_untouched(name, **case):
    image = make(**case)
    before = np.asarray(image).copy()
    outputs = []
    for _ in range(2):
        torch.manual_seed(case["seed"])
        outputs.append(TRANSFORMS[name](0.5)(image))
    assert same(*outputs)
    assert same(image, before)


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
@pytest.mark.parametrize("kind", ["tensor", "tv", "pil"])
def test_full_strength_does_change_the_image(name, kind):
    image = as_kind(random_image(8, (3, 16, 16)), kind)
    torch.manual_seed(0)
    assert not same(TRANSFORMS[name](1)(image), image)


@settings(max_examples=40, deadline=None)
@given(**cases)
def test_an_image_alone_is_the_image_with_its_label(name, **case):
    image, transform = make(**case), TRANSFORMS[name](0.7)
    outputs = []
    for given_inputs in ((image,), ((image, "étiquette"),)):
        torch.manual_seed(case["seed"])
        outputs.append(transform(*given_inputs))
    assert outputs[1][1] == "étiquette"
    assert same(outputs[0], outputs[1][0])


@pytest.mark.parametrize(
    "transform", [T.GaussianNoise(0.2), T.ChannelContrast(1.0), T.Elastic(2, 1)]
)
def test_a_label_given_before_the_image_is_left_alone(transform):
    sample = {"étiquette": torch.tensor(3), "image": F.to_pil_image(random_image(25))}
    output = transform(sample)
    assert output["étiquette"] == 3
    assert not same(output["image"], sample["image"])


# --- erreurs --------------------------------------------------------------------------------------

nan = float("nan")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: T.ChannelContrast(1.5), "de 0 à 1"),
        (lambda: T.ChannelContrast(-0.1), "de 0 à 1"),
        (lambda: T.ChannelContrast(nan), "nan"),
        (lambda: T.ChannelContrast("fort"), "un nombre, de 0 à 1"),
        (lambda: T.ChannelContrast(True), "un nombre"),
        (lambda: T.GaussianNoise(-1), "« sigma »"),
        (lambda: T.GaussianNoise(math.inf), "« sigma »"),
        (lambda: T.Elastic(-1), "de 0 à 1e"),
        (lambda: T.Elastic(1, 0), "de 0.5 à 1e"),
        (lambda: T.Elastic(nan), "nan"),
        (lambda: T.Elastic(1, 4)(torch.rand(1, 8, 8)), "smoothness="),
        (lambda: T.GaussianNoise()(np.zeros((3, 4, 4))), "to_image"),
        (lambda: T.GaussianNoise()("image"), "Aucune image"),
        (lambda: T.GaussianNoise()(torch.rand(4, 4)), "trois dimensions"),
        (lambda: T.ChannelContrast()(torch.zeros(3, 4, 4, dtype=torch.int64)), "torch.uint8"),
        (lambda: T.ChannelContrast()(torch.full((3, 4, 4), nan)), "NaN"),
        (lambda: T.ChannelContrast()(torch.full((3, 4, 4), 1.5)), "normaliser"),
        (lambda: T.ChannelContrast()(Image.new("RGBA", (4, 4))), 'convert("RGB")'),
        (lambda: T.ChannelContrast()(torch.full((3, 4, 4), -0.5)), "normaliser"),
        (lambda: T.ChannelContrast()(torch.zeros(3, 0, 4)), "vide"),
        (lambda: T.GaussianNoise()(torch.zeros(0, 3, 4, 4, dtype=torch.uint8)), "vide"),
        (lambda: T.GaussianNoise()(Image.new("L", (0, 4))), "vide"),
        (lambda: T.GaussianNoise()(Image.new("I;16", (4, 4))), "I;16"),
        (lambda: T.GaussianNoise()(torch.rand(8, 9, 3)), "movedim"),
        (lambda: T.GaussianNoise()(torch.rand(2, 4, 8, 9)), "4 canaux"),
        (lambda: T.Elastic(1, 4)(torch.full((1, 40, 40), nan)), "NaN"),
        (lambda: T.Elastic(1, 0.5)(torch.rand(1, 2, 9)), "Agrandissez"),
        (lambda: T.Elastic(1, 1e308)(torch.rand(1, 9, 9)), "de 0.5 à 1e"),
        (
            lambda: T.Elastic(1, 1)(
                tv_tensors.Image(torch.rand(1, 9, 9)), tv_tensors.Mask(torch.zeros(9, 8))
            ),
            "9 × 8 et 9 × 9",
        ),
        (lambda: T.channel_contrast(torch.rand(3, 4, 4), torch.ones(2)), "3 canaux"),
        (lambda: T.channel_contrast(torch.rand(1, 4, 4), torch.tensor([-1.0])), "de 0 à 255"),
        (lambda: T.channel_contrast(torch.rand(1, 4, 4), torch.tensor([256.0])), "de 0 à 255"),
        (lambda: T.channel_contrast(torch.rand(1, 4, 4), torch.ones(1, device="meta")), "meta"),
        (lambda: T.channel_contrast(torch.rand(1, 4, 4), [1.0]), "Tensor"),
        (lambda: T.channel_contrast(torch.rand(1, 4, 4), torch.tensor([nan])), "nan"),
        (lambda: T.channel_contrast(torch.rand(4, 4), torch.ones(1)), "trois dimensions"),
    ],
)
def test_bad_values_are_explained_in_french(call, words):
    with pytest.raises(ReseauxError, match=words.replace("(", r"\(").replace(")", r"\)")):
        call()
