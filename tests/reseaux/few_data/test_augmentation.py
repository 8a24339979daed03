"""Les transformations : oracles de PIL et de torchvision, puis propriétés au hasard."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageEnhance
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from reseaux import data
from reseaux.errors import ReseauxError
from reseaux.few_data import augmentation as A


def random_image(seed: int, shape=(3, 12, 14), dtype=torch.uint8) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    if dtype == torch.uint8:
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return torch.rand(shape, generator=generator).to(dtype)


def as_kind(image: torch.Tensor, kind: str):
    if kind == "pil":
        return F.to_pil_image(image)
    if kind == "tv":
        return tv_tensors.Image(image)
    return image


# --- contraste par canal ---------------------------------------------------------------------


@pytest.mark.parametrize("factors", [(0.0, 1.0, 2.0), (0.3, 0.7, 1.6), (1.0, 1.0, 1.0)])
def test_contrast_is_pil_contrast_on_each_channel(factors):
    image = random_image(0)
    ours = A.channel_contrast(F.to_pil_image(image), torch.tensor(factors))
    for band, channel, factor in zip(
        F.to_pil_image(image).split(), ours.split(), factors, strict=True
    ):
        oracle = ImageEnhance.Contrast(band).enhance(factor)
        gap = np.abs(np.asarray(oracle, int) - np.asarray(channel, int))
        assert gap.max() <= 2  # PIL arrondit la moyenne, puis tronque


@pytest.mark.parametrize("factors", [(0.0, 1.0, 2.0), (0.3, 0.7, 1.6)])
def test_contrast_is_torchvision_contrast_on_each_channel(factors):
    image = random_image(1, dtype=torch.float64)
    ours = A.channel_contrast(image, torch.tensor(factors, dtype=torch.float64))
    for k, factor in enumerate(factors):
        torch.testing.assert_close(ours[k : k + 1], F.adjust_contrast(image[k : k + 1], factor))


def test_contrast_of_octets_is_the_rounded_formula():
    image, factors = random_image(13), torch.tensor([0.0, 0.45, 1.8])
    exact = image.double()
    means = exact.mean((1, 2), keepdim=True)
    oracle = means + factors.double().reshape(3, 1, 1) * (exact - means)
    gap = A.channel_contrast(image, factors).double() - oracle.clamp(0, 255)
    assert gap.abs().max() <= 0.5 + 1e-4
    assert abs(gap.mean()) < 0.1  # une troncature assombrirait d'un demi-niveau


def test_contrast_of_a_batch_uses_each_image_own_mean():
    batch = random_image(2, (4, 3, 9, 9), torch.float32)
    factors = torch.tensor([0.2, 1.0, 1.7])
    one_by_one = torch.stack([A.channel_contrast(image, factors) for image in batch])
    torch.testing.assert_close(A.channel_contrast(batch, factors), one_by_one)


def test_contrast_leaves_a_flat_image_alone():
    flat = torch.full((3, 5, 5), 77, dtype=torch.uint8)
    assert torch.equal(A.ChannelContrast(1.0)(flat), flat)


def test_contrast_draws_channels_separately_within_bounds():
    transform = A.ChannelContrast(0.4)
    image = random_image(3)
    torch.manual_seed(0)
    factors = torch.stack([transform.make_params([image])["factors"] for _ in range(500)])
    assert factors.shape == (500, 3)
    assert 0.6 <= factors.min() < 0.62
    assert 1.38 < factors.max() <= 1.4
    assert abs(np.corrcoef(factors.T.numpy())[0, 1]) < 0.15


@pytest.mark.parametrize("factors", [(0.0, 0.45, 1.8), (1.0, 1.0, 1.0), (3.0, 0.5, 1.0)])
def test_contrast_agrees_between_octets_pil_and_floats(factors):
    image, factors = random_image(14, (3, 17, 11)), torch.tensor(factors)
    ours = A.channel_contrast(image, factors)
    pil = A.channel_contrast(F.to_pil_image(image), factors)
    assert torch.equal(F.pil_to_tensor(pil), ours)
    floats = A.channel_contrast(image.double() / 255, factors.double())
    assert torch.equal((floats * 255 + 1e-9).round().to(torch.uint8), ours)


def test_contrast_of_octets_in_a_batch_uses_each_image_own_mean_and_channel():
    batch = random_image(15, (2, 4, 3, 6, 5))
    batch[0] //= 4
    factors = torch.tensor([0.2, 1.0, 1.7])
    whole = A.channel_contrast(batch, factors)
    for image, changed in zip(batch.flatten(0, 1), whole.flatten(0, 1), strict=True):
        assert torch.equal(A.channel_contrast(image, factors), changed)


def test_contrast_does_not_depend_on_the_memory_layout():
    image, factors = random_image(16, (5, 7, 3)), torch.tensor([0.2, 1.0, 1.7])
    image = image.permute(2, 0, 1)
    assert torch.equal(
        A.channel_contrast(image, factors), A.channel_contrast(image.contiguous(), factors)
    )


@pytest.mark.parametrize("order", [(3, 1), (1, 3)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_contrast_of_a_grey_and_a_colour_image_together(order, dtype):
    pair = [tv_tensors.Image(random_image(k, (2, c, 6, 6), dtype)) for k, c in enumerate(order)]
    torch.manual_seed(0)
    changed = A.ChannelContrast(1.0)(*pair)
    torch.manual_seed(0)
    factors = 2 * torch.rand(3)
    for image, output in zip(pair, changed, strict=True):
        oracle = A.channel_contrast(image, factors[: image.shape[-3]])
        torch.testing.assert_close(output, oracle)


# --- bruit -----------------------------------------------------------------------------------


def test_noise_has_the_asked_deviation():
    grey = torch.full((3, 200, 200), 0.5)
    torch.manual_seed(0)
    noisy = A.GaussianNoise(0.05)(grey)
    assert noisy.std().item() == pytest.approx(0.05, rel=0.02)
    assert noisy.mean().item() == pytest.approx(0.5, abs=0.001)
    octets = A.GaussianNoise(0.05)((grey * 255).round().to(torch.uint8)).float() / 255
    assert octets.std().item() == pytest.approx(0.05, rel=0.02)


def test_noise_on_floats_is_torchvision_noise():
    image = random_image(4, dtype=torch.float32)
    torch.manual_seed(5)
    ours = A.GaussianNoise(0.2)(image)
    torch.manual_seed(5)
    torch.testing.assert_close(ours, v2.GaussianNoise(sigma=0.2)(image))


def test_noise_on_octets_is_the_rounded_noise_of_floats():
    image = random_image(17, (3, 40, 40))
    torch.manual_seed(6)
    ours = A.GaussianNoise(0.2)(image)
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
        outputs.append(F.to_image(A.GaussianNoise(0.2)(kind)))
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[0], outputs[2])


def test_noise_differs_from_one_image_of_a_batch_to_the_next():
    batch = random_image(19, (1, 3, 8, 8)).repeat(4, 1, 1, 1)
    assert len(A.GaussianNoise(0.2)(batch).unique(dim=0)) == 4


# --- déformation élastique -------------------------------------------------------------------


@pytest.mark.parametrize(("pixels", "smoothness"), [(1.0, 2.0), (3.0, 4.0)])
def test_elastic_moves_by_the_asked_number_of_pixels(pixels, smoothness):
    transform = A.Elastic(pixels, smoothness)
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
    shift = A.Elastic(2.0, smoothness).make_params([image])["displacement"]
    torch.manual_seed(1)
    torch.testing.assert_close(shift, oracle.make_params([image])["displacement"])
    torch.manual_seed(1)
    ours = A.Elastic(2.0, smoothness)(image)
    torch.manual_seed(1)
    torch.testing.assert_close(ours, oracle(image), atol=1e-3, rtol=0)


@pytest.mark.parametrize("smoothness", [0.5, 1.0, 3.99, 4.0])
def test_elastic_takes_the_smallest_image_it_says(smoothness):
    side = int(8 * smoothness + 1) // 2 + 1
    A.Elastic(1, smoothness)(torch.rand(1, side, side + 3))
    with pytest.raises(ReseauxError, match=r"smoothness=|Agrandissez"):
        A.Elastic(1, smoothness)(torch.rand(1, side + 3, side - 1))


def test_elastic_moves_a_mask_with_its_image_and_colours_leave_it():
    pixels = random_image(7, (1, 40, 40)).round()
    image, mask = tv_tensors.Image(pixels), tv_tensors.Mask(pixels[0])
    torch.manual_seed(0)
    _, moved = A.Elastic(3.0, 3.0)(image, mask)
    assert not torch.equal(moved, mask)
    for colour in (A.ChannelContrast(1.0), A.GaussianNoise(0.5)):
        changed, kept = colour(image, mask)
        assert torch.equal(kept, mask)
        assert not torch.equal(changed, image)


# --- propriétés communes ---------------------------------------------------------------------

TRANSFORMS = {
    "contraste": lambda strength: A.ChannelContrast(strength),
    "bruit": lambda strength: A.GaussianNoise(strength),
    "élastique": lambda strength: A.Elastic(5 * strength, 1.5),
}
kinds = st.sampled_from(["tensor", "tv", "pil"])
cases = {
    "name": st.sampled_from(sorted(TRANSFORMS)),
    "kind": kinds,
    "dtype": st.sampled_from([torch.uint8, torch.float32, torch.float64, torch.float16]),
    "channels": st.sampled_from([1, 3]),
    "height": st.integers(7, 20),
    "width": st.integers(7, 20),
    "batch": st.sampled_from([None, 1, 3]),
    "seed": st.integers(0, 2**31),
}


def make(kind, dtype, channels, height, width, batch, seed):
    if kind == "pil":
        dtype, batch = torch.uint8, None
    shape = (channels, height, width) if batch is None else (batch, channels, height, width)
    return as_kind(random_image(seed, shape, dtype), kind)


def same(a, b) -> bool:
    return bool(np.array_equal(np.asarray(a), np.asarray(b)))


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


# --- les neuf transformations et leur force --------------------------------------------------

SLIDERS = {slider.name: slider for slider in A.SLIDERS}
slider_cases = {
    "name": st.sampled_from(list(SLIDERS)),
    "kind": kinds,
    "dtype": st.sampled_from([torch.uint8, torch.float32, torch.float64]),
    "channels": st.sampled_from([1, 3]),
    "height": st.integers(8, 24),
    "width": st.integers(8, 24),
    "batch": st.sampled_from([None, 1, 3]),
    "seed": st.integers(0, 2**31),
}


def test_the_sliders_are_the_nine_of_the_course():
    moving = {"Rotation", "Recadrage", "Changement d'échelle", "Translation", "Symétrie"}
    moving |= {"Déformation élastique"}
    assert {name for name, slider in SLIDERS.items() if slider.geometric} == moving
    assert set(SLIDERS) - moving == {"Couleur", "Bruit gaussien", "Contraste par canal"}
    assert len(A.SLIDERS) == 9
    for slider in A.SLIDERS:
        assert slider.strengths[0] == 0
        assert len(set(slider.strengths)) == 5
        assert list(slider.strengths) == sorted(slider.strengths)
        assert slider.photo in data.PHOTOS
        assert slider.label
        assert slider.fails.endswith("?")


@pytest.mark.parametrize("name", SLIDERS)
def test_stills_start_with_the_photograph_and_end_with_a_change(name):
    slider = SLIDERS[name]
    torch.manual_seed(0)
    before = torch.get_rng_state()
    images, titles = A.stills(slider, seed=306)
    assert torch.equal(torch.get_rng_state(), before)
    photo = F.center_crop(F.resize(data.photo(slider.photo), [170]), [160, 240])
    assert images[0].tobytes() == photo.tobytes()
    assert titles[0] == "inchangée"
    assert titles[1:] == [slider.write(force) for force in slider.strengths[1:]]
    assert len({*titles}) == 5
    gaps = [np.abs(np.asarray(i, int) - np.asarray(photo, int)).mean() for i in images]
    assert gaps[-1] > 2  # la force se voit
    assert gaps[1] <= gaps[-1]
    assert all(i.size == photo.size and i.mode == "RGB" for i in images)
    assert all(same(a, b) for a, b in zip(images, A.stills(slider, seed=306)[0], strict=True))


def test_the_figure_has_a_row_per_transformation():
    figure = A.show_stills(A.SLIDERS[:2], seed=306)
    assert len(figure.axes) == 10
    first, *others = [ax.get_title().strip() for ax in figure.axes[:5]]
    assert first == "inchangée"
    assert others == [A.SLIDERS[0].write(force) for force in A.SLIDERS[0].strengths[1:]]
    assert [t.get_text() for t in figure.axes[5].texts] == ["Rotation : « un chat »"]
    shown = [ax.images[0].get_array() for ax in figure.axes[5:]]
    assert all(same(a, b) for a, b in zip(shown, A.stills(A.SLIDERS[1], 306)[0], strict=True))


@pytest.mark.parametrize("name", SLIDERS)
@pytest.mark.parametrize("kind", ["tensor", "tv", "pil"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_no_strength_is_the_same_picture_to_the_bit(name, kind, dtype):
    image = make(kind, dtype, 3, 16, 20, None, 3)
    output = SLIDERS[name].at(0, (16, 20))(image)
    assert type(output) is type(image)
    assert same(output, image)


@settings(max_examples=80, deadline=None)
@given(share=st.floats(0, 1), **slider_cases)
def test_sliders_keep_type_shape_dtype_and_range(name, share, **case):
    image, slider = make(**case), SLIDERS[name]
    before = np.asarray(image).copy()
    transform = slider.at(share * slider.strengths[-1], (case["height"], case["width"]))
    torch.manual_seed(case["seed"])
    output = transform(image)
    torch.manual_seed(case["seed"])
    assert same(output, transform(image))
    assert same(image, before)
    assert type(output) is type(image)
    if isinstance(image, Image.Image):
        assert (output.mode, output.size) == (image.mode, image.size)
        return
    assert (output.shape, output.dtype) == (image.shape, image.dtype)
    assert output.min() >= 0
    assert output.max() <= (255 if image.dtype == torch.uint8 else 1)


@pytest.mark.parametrize("name", SLIDERS)
def test_masks_and_boxes_follow_what_moves_and_only_that(name):
    slider = SLIDERS[name]
    image = tv_tensors.Image(random_image(20, (3, 60, 60)))
    mask = tv_tensors.Mask(random_image(21, (60, 60)))
    box = tv_tensors.BoundingBoxes([[10, 15, 30, 40]], format="XYXY", canvas_size=(60, 60))
    torch.manual_seed(306)
    transform = slider.at(slider.strengths[-1], (60, 60))
    new_image, new_mask, new_box, label = transform(image, mask, box, 7)
    assert not torch.equal(new_image, image)
    assert torch.equal(new_mask, mask) != slider.geometric
    assert torch.equal(new_box, box) != slider.geometric
    assert label == 7
    assert [type(x) for x in (new_image, new_mask, new_box)] == [
        tv_tensors.Image,
        tv_tensors.Mask,
        tv_tensors.BoundingBoxes,
    ]


def test_the_strength_bounds_the_draw():
    corner = torch.zeros(1, 41, 41)
    corner[:, 20, 20] = 1
    torch.manual_seed(0)
    found = [SLIDERS["Translation"].at(0.2, (41, 41))(corner).nonzero()[0, 1:] for _ in range(200)]
    reach = (torch.stack(found) - 20).abs().amax(0)
    assert reach.tolist() == [8, 8]
    flip = SLIDERS["Symétrie"].at(0.25, (41, 41))
    half = torch.linspace(0, 1, 41).expand(1, 41, 41)
    flipped = sum(not torch.equal(flip(half), half) for _ in range(1000))
    assert flipped == pytest.approx(250, abs=50)


@pytest.mark.parametrize("name", ["Couleur", "Rotation", "Symétrie", "Translation"])
def test_per_image_on_a_batch_is_each_image_alone(name):
    transform = SLIDERS[name].at(SLIDERS[name].strengths[2], (16, 16))
    batch = random_image(22, (4, 3, 16, 16))
    torch.manual_seed(8)
    whole = A.PerImage(transform)(batch)
    torch.manual_seed(8)
    assert torch.equal(whole, torch.stack([transform(image) for image in batch]))


@pytest.mark.parametrize("images", [data.digits(), data.glyphs("latin", 16)[0]])
def test_turning_fills_the_corners_with_the_background(images):
    corners = images.images[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 0).mean() > 0.9  # les lettres et les chiffres sont blancs sur noir
    assert 0.02 < images.images.mean() < 0.5
    torch.manual_seed(306)
    white = torch.ones(1, *images.images.shape[1:])
    assert SLIDERS["Rotation"].at(90, white.shape[1:])(white).min() == 0


def ink(image) -> np.ndarray:
    """L'encre seule, ramenée à 16 × 16."""
    rows, columns = np.nonzero(image > 0.3)
    box = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return F.resize(torch.tensor(box, dtype=torch.float32)[None], [16, 16])[0].flatten().numpy()


def test_a_letter_is_that_of_its_label_and_not_its_mirror_image():
    """La symétrie d'un « b » n'apprend rien si le « b » n'en est pas un : oracle de FreeType."""
    letters, fonts = data.glyphs("latin", 28)
    path = next(f for f in data.fonts() if f.stem == "DejaVuSans")
    drawn = []
    for letter in letters.names:
        font = FT2Font(str(path))
        font.set_size(40, 72)
        font.set_text(letter)
        font.draw_glyphs_to_bitmap()
        drawn.append(ink(np.asarray(font.get_image()) / 255))
    ours = [i for i, font in zip(letters.images, fonts, strict=True) if font == "DejaVuSans"]
    alike = np.corrcoef([ink(image) for image in ours], drawn)[:26, 26:]
    assert alike.argmax(1).tolist() == list(range(26))


def test_strict_clamps_what_goes_over_and_not_its_input():
    image = torch.full((1, 4, 4), 0.5)
    assert A.Strict(lambda x: x * 3)(image).max() == 1
    assert A.Strict(lambda x: x - 3)(image).min() == 0
    assert torch.equal(image, torch.full((1, 4, 4), 0.5))
    octets = random_image(23)
    assert torch.equal(A.Strict(v2.RandomHorizontalFlip(1))(octets), octets.flip(-1))


def test_seeded_repeats_whatever_happens_around():
    image = random_image(24, (3, 16, 16))
    turn = A.Seeded(v2.RandomRotation(90), seed=3)
    torch.manual_seed(0)
    first = turn(image)
    torch.rand(5)
    before = torch.get_rng_state()
    assert torch.equal(turn(image), first)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(3)
    assert torch.equal(v2.RandomRotation(90)(image), first)
    assert not torch.equal(A.Seeded(v2.RandomRotation(90), seed=4)(image), first)


@pytest.mark.parametrize(
    "transform", [A.GaussianNoise(0.2), A.ChannelContrast(1.0), A.Elastic(2, 1)]
)
def test_a_label_given_before_the_image_is_left_alone(transform):
    sample = {"étiquette": torch.tensor(3), "image": F.to_pil_image(random_image(25))}
    output = transform(sample)
    assert output["étiquette"] == 3
    assert not same(output["image"], sample["image"])


# --- une image à la fois ---------------------------------------------------------------------


def test_per_image_draws_once_per_image():
    batch = random_image(9, (1, 3, 16, 16)).repeat(8, 1, 1, 1)
    torch.manual_seed(0)
    assert len(v2.RandomRotation(90)(batch).unique(dim=0)) == 1
    assert len(A.PerImage(v2.RandomRotation(90))(batch).unique(dim=0)) == 8


def test_per_image_is_a_loop():
    batch = random_image(10, (5, 3, 16, 16))
    torch.manual_seed(3)
    whole = A.PerImage(v2.RandomRotation(90))(batch)
    torch.manual_seed(3)
    assert torch.equal(whole, torch.stack([v2.RandomRotation(90)(image) for image in batch]))
    assert A.PerImage(v2.RandomRotation(90))(batch[:0]).shape == (0, 3, 16, 16)


def test_maybe_applies_with_the_asked_probability():
    flip = A.maybe(v2.RandomHorizontalFlip(p=1), p=0.25)
    image = random_image(11)
    torch.manual_seed(0)
    changed = sum(not torch.equal(flip(image), image) for _ in range(2000))
    assert changed / 2000 == pytest.approx(0.25, abs=0.03)


# --- la figure aux six images ----------------------------------------------------------------


def photograph() -> Image.Image:
    return F.to_pil_image(random_image(12, (3, 60, 80)))


def test_six_images_are_the_six_of_the_course():
    image = photograph()
    images, titles = A.six_images(image, seed=0)
    assert titles == list(A.SIX_TITLES)
    assert len(images) == 6
    assert all(i.size == image.size and i.mode == "RGB" for i in images)
    assert same(images[0], image)
    assert same(images[1], F.rotate(image, 20, interpolation=v2.InterpolationMode.BILINEAR))
    assert same(images[2], image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    assert len({i.tobytes() for i in images}) == 6


def test_six_images_repeat_and_leave_the_generator_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, second, other = (A.six_images(photograph(), seed)[0] for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(same(a, b) for a, b in zip(first, second, strict=True))
    assert [same(a, b) for a, b in zip(first, other, strict=True)] == [True] * 3 + [False] * 3


# --- erreurs ---------------------------------------------------------------------------------

nan = float("nan")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: A.ChannelContrast(1.5), "entre 0 et 1"),
        (lambda: A.ChannelContrast(-0.1), "entre 0 et 1"),
        (lambda: A.ChannelContrast(nan), "nan"),
        (lambda: A.ChannelContrast("fort"), "n'est pas un nombre"),
        (lambda: A.ChannelContrast(True), "n'est pas un nombre"),
        (lambda: A.GaussianNoise(-1), "Écart-type"),
        (lambda: A.GaussianNoise(math.inf), "Écart-type"),
        (lambda: A.Elastic(-1), "au moins 0"),
        (lambda: A.Elastic(1, 0), "au moins 0.5"),
        (lambda: A.Elastic(nan), "nan"),
        (lambda: A.Elastic(1, 4)(torch.rand(1, 8, 8)), "smoothness="),
        (lambda: A.maybe(v2.RandomHorizontalFlip(), 1.2), "Probabilité"),
        (lambda: A.GaussianNoise()(np.zeros((3, 4, 4))), "to_image"),
        (lambda: A.GaussianNoise()("image"), "Aucune image"),
        (lambda: A.GaussianNoise()(torch.rand(4, 4)), "trois dimensions"),
        (lambda: A.ChannelContrast()(torch.zeros(3, 4, 4, dtype=torch.int64)), "torch.uint8"),
        (lambda: A.ChannelContrast()(torch.full((3, 4, 4), nan)), "NaN"),
        (lambda: A.ChannelContrast()(torch.full((3, 4, 4), 1.5)), "normaliser"),
        (lambda: A.ChannelContrast()(Image.new("RGBA", (4, 4))), 'convert("RGB")'),
        (lambda: A.ChannelContrast()(torch.full((3, 4, 4), -0.5)), "normaliser"),
        (lambda: A.ChannelContrast()(torch.zeros(3, 0, 4)), "vide"),
        (lambda: A.GaussianNoise()(torch.zeros(0, 3, 4, 4, dtype=torch.uint8)), "vide"),
        (lambda: A.GaussianNoise()(Image.new("L", (0, 4))), "vide"),
        (lambda: A.GaussianNoise()(Image.new("I;16", (4, 4))), "I;16"),
        (lambda: A.GaussianNoise()(torch.rand(8, 9, 3)), "movedim"),
        (lambda: A.GaussianNoise()(torch.rand(2, 4, 8, 9)), "4 canaux"),
        (lambda: A.Elastic(1, 4)(torch.full((1, 40, 40), nan)), "NaN"),
        (lambda: A.Elastic(1, 0.5)(torch.rand(1, 2, 9)), "Agrandissez"),
        (
            lambda: A.Elastic(1, 1)(
                tv_tensors.Image(torch.rand(1, 9, 9)), tv_tensors.Mask(torch.zeros(9, 8))
            ),
            "9 × 8 et 9 × 9",
        ),
        (lambda: A.channel_contrast(torch.rand(3, 4, 4), torch.ones(2)), "3 canaux"),
        (lambda: A.channel_contrast(torch.rand(1, 4, 4), torch.tensor([-1.0])), "au moins 0"),
        (lambda: A.channel_contrast(torch.rand(1, 4, 4), torch.tensor([nan])), "nan"),
        (lambda: A.channel_contrast(torch.rand(4, 4), torch.ones(1)), "trois dimensions"),
        (lambda: SLIDERS["Rotation"].at(91, (8, 8)), "Force, Rotation"),
        (lambda: SLIDERS["Symétrie"].at(1.01, (8, 8)), "entre 0 et 1"),
        (lambda: SLIDERS["Symétrie"].at(nan, (8, 8)), "nan"),
        (lambda: SLIDERS["Couleur"].at(-0.1, (8, 8)), "Couleur"),
        (lambda: SLIDERS["Recadrage"].at(0.2, (8, 0)), "hauteur"),
        (lambda: SLIDERS["Recadrage"].at(0.2, (8,)), "hauteur"),
        (lambda: SLIDERS["Rotation"].at(9, (4, 4))(torch.full((1, 4, 4), nan)), "NaN"),
        (lambda: SLIDERS["Rotation"].at(0, (4, 4))(torch.full((1, 4, 4), nan)), "NaN"),
        (lambda: SLIDERS["Rotation"].at(9, (4, 4))(np.zeros((4, 4))), "to_image"),
        (lambda: A.Seeded(v2.Identity(), -1), "Graine"),
        (lambda: A.maybe(v2.RandomHorizontalFlip(), -0.1), "Probabilité"),
        (lambda: A.maybe(v2.RandomHorizontalFlip(), nan), "Probabilité"),
        (lambda: A.PerImage(v2.RandomHorizontalFlip())(torch.rand(3, 4, 4)), "lot"),
        (lambda: A.six_images(Image.new("L", (20, 20))), "couleurs"),
        (lambda: A.six_images(torch.rand(3, 20, 20)), "couleurs"),
    ],
)
def test_bad_values_are_explained_in_french(call, words):
    with pytest.raises(ReseauxError, match=words.replace("(", r"\(").replace(")", r"\)")):
        call()


def test_per_image_refuses_images_of_different_sizes():
    sizes = iter([4, 5])
    with pytest.raises(ReseauxError, match="Resize"):
        A.PerImage(lambda image: image[:, : next(sizes)])(torch.rand(2, 3, 8, 8))
