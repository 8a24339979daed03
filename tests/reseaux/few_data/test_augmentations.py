"""Les neuf transformations du cours : de la force nulle, au bit près, à la plus forte."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.ft2font import FT2Font
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from random_images import image_cases, make, random_image, same
from reseaux import data
from reseaux.errors import ReseauxError
from reseaux.few_data import augmentations as A
from reseaux.few_data import transforms

AUGMENTATIONS = A.AUGMENTATIONS
cases = {"name": st.sampled_from(list(AUGMENTATIONS))} | image_cases(
    [torch.uint8, torch.float32, torch.float64], 8, 24
)
SHOWN = "chelsea", "coffee", "china", "rocket", "flower"


# Ce que promet la page : la force du milieu, pour des images de 16 × 20, et comment elle s'écrit.
PROMISED = {
    "color": (0.5, "±\N{NBSP}50\N{NBSP}%", False, v2.ColorJitter,
        {"brightness": (0.75, 1.25), "saturation": (0.5, 1.5), "hue": (-0.15, 0.15),
         "contrast": None}),
    "rotation": (20, "±\N{NBSP}20°", True, v2.RandomRotation,
        {"degrees": [-20, 20], "interpolation": "bilinear", "expand": False, "fill": 0}),
    "crop": (0.4, "−\N{NBSP}40\N{NBSP}%", True, v2.RandomResizedCrop,
        {"size": (16, 20), "scale": (0.6, 1), "ratio": (1.25, 1.25), "antialias": True,
         "interpolation": "bilinear"}),
    "scale": (0.2, "±\N{NBSP}20\N{NBSP}%", True, v2.RandomAffine,
        {"degrees": [0, 0], "scale": (0.8, 1.2), "interpolation": "bilinear", "fill": 0,
         "translate": None, "shear": None}),
    "translation": (0.2, "±\N{NBSP}20\N{NBSP}%", True, v2.RandomAffine,
        {"degrees": [0, 0], "translate": (0.2, 0.2), "interpolation": "nearest", "fill": 0,
         "scale": None, "shear": None}),
    "flip": (0.5, "p = 0,50", True, v2.RandomHorizontalFlip, {"p": 0.5}),
    "noise": (0.1, "σ = 0,10", False, transforms.GaussianNoise, {"sigma": 0.1}),
    "elastic": (0.02, "2\N{NBSP}%", True, transforms.Elastic,
        {"pixels": 0.32, "smoothness": 1.6, "fill": 0}),
    "channel_contrast": (0.5, "±\N{NBSP}50\N{NBSP}%", False, transforms.ChannelContrast,
        {"strength": 0.5}),
}  # fmt: skip
STRONGEST = [1, 90, 0.8, 0.6, 0.4, 1, 0.4, 0.04, 1]


def test_the_augmentations_are_the_nine_of_the_course():
    assert [*AUGMENTATIONS] == [*PROMISED]
    assert [found.strengths[-1] for found in AUGMENTATIONS.values()] == STRONGEST
    assert len({found.name for found in AUGMENTATIONS.values()}) == 9
    for found in AUGMENTATIONS.values():
        assert found.strengths[0] == 0
        assert len(set(found.strengths)) == 5
        assert list(found.strengths) == sorted(found.strengths)


@pytest.mark.parametrize("name", PROMISED)
def test_an_augmentation_is_the_one_promised(name):
    strength, written, moves, kind, options = PROMISED[name]
    found = AUGMENTATIONS[name]
    assert found.strengths[2] == strength
    assert (found.write(strength), found.geometric) == (written, moves)
    made = found.at(strength, (16, 20)).transform
    assert type(made) is kind
    for option, value in options.items():
        held = getattr(made, option)
        held = tuple(held) if option == "size" else getattr(held, "value", held)
        held = held or 0 if option == "fill" else held  # pas de remplissage : noir
        assert held == (pytest.approx(value) if kind is transforms.Elastic else value), option


def test_a_small_image_is_smoothed_by_half_a_pixel_at_least():
    assert AUGMENTATIONS["elastic"].at(0.04, (4, 30)).transform.smoothness == 0.5


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_stills_start_with_the_photograph_and_end_with_a_change(name):
    shown = AUGMENTATIONS[name]
    whole = data.photo(SHOWN[list(AUGMENTATIONS).index(name) % len(SHOWN)])
    torch.manual_seed(0)
    before = torch.get_rng_state()
    images, titles = A.stills(shown, whole, seed=306)
    assert torch.equal(torch.get_rng_state(), before)
    photo = F.center_crop(F.resize(whole, [170]), [160, 240])
    assert images[0].tobytes() == photo.tobytes()
    assert titles[0] == "inchangée"
    assert titles[1:] == [shown.write(force) for force in shown.strengths[1:]]
    assert len({*titles}) == 5
    gaps = [np.abs(np.asarray(i, int) - np.asarray(photo, int)).mean() for i in images]
    assert gaps[-1] > 2  # la force se voit
    assert gaps[1] <= gaps[-1]
    assert all(i.size == photo.size and i.mode == "RGB" for i in images)
    again, _ = A.stills(shown, whole, seed=306)
    assert all(same(a, b) for a, b in zip(images, again, strict=True))
    others = [A.stills(shown, whole, seed)[0] for seed in range(4)]
    assert not all(same(a, b) for other in others for a, b in zip(images, other, strict=True))


def test_the_figure_has_a_row_per_augmentation():
    cup, cat = data.photo("coffee"), data.photo("chelsea")
    figure = A.show_stills({"color": (cup, "une tasse"), "rotation": (cat, "un chat")}, seed=306)
    assert len(figure.axes) == 10
    assert not any(ax.axison for ax in figure.axes)
    assert not plt.get_fignums()
    color, rotation = AUGMENTATIONS["color"], AUGMENTATIONS["rotation"]
    first, *others = [ax.get_title().strip() for ax in figure.axes[:5]]
    assert first == "inchangée"
    assert others == [color.write(force) for force in color.strengths[1:]]
    assert [t.get_text() for t in figure.axes[5].texts] == ["Rotation : « un chat »"]
    shown = [ax.images[0].get_array() for ax in figure.axes[5:]]
    assert all(same(a, b) for a, b in zip(shown, A.stills(rotation, cat, 306)[0], strict=True))


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("kind", ["tensor", "tv", "pil"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_no_strength_is_the_same_picture_to_the_bit(name, kind, dtype):
    image = make(kind, dtype, 3, 16, 20, None, 3)
    output = AUGMENTATIONS[name].at(0, (16, 20))(image)
    assert type(output) is type(image)
    assert same(output, image)


@settings(max_examples=80, deadline=None)
@given(share=st.floats(0, 1), **cases)
def test_augmentations_keep_type_shape_dtype_and_range(name, share, **case):
    image, augmentation = make(**case), AUGMENTATIONS[name]
    before = np.asarray(image).copy()
    transform = augmentation.at(share * augmentation.strengths[-1], (case["height"], case["width"]))
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


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_masks_and_boxes_follow_what_moves_and_only_that(name):
    augmentation = AUGMENTATIONS[name]
    image = tv_tensors.Image(random_image(20, (3, 60, 60)))
    mask = tv_tensors.Mask(random_image(21, (60, 60)))
    box = tv_tensors.BoundingBoxes([[10, 15, 30, 40]], format="XYXY", canvas_size=(60, 60))
    torch.manual_seed(306)
    transform = augmentation.at(augmentation.strengths[-1], (60, 60))
    new_image, new_mask, new_box, label = transform(image, mask, box, 7)
    assert not torch.equal(new_image, image)
    assert torch.equal(new_mask, mask) != augmentation.geometric
    assert torch.equal(new_box, box) != augmentation.geometric
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
    found = [
        AUGMENTATIONS["translation"].at(0.2, (41, 41))(corner).nonzero()[0, 1:] for _ in range(200)
    ]
    moves = torch.stack(found) - 20
    assert moves.amax(0).tolist() == [8, 8]
    assert moves.amin(0).tolist() == [-8, -8]
    flip = AUGMENTATIONS["flip"].at(0.25, (41, 41))
    half = torch.linspace(0, 1, 41).expand(1, 41, 41)
    flipped = sum(not torch.equal(flip(half), half) for _ in range(1000))
    assert flipped == pytest.approx(250, abs=50)


@pytest.mark.parametrize("images", [data.digits(), data.glyphs("latin", 16)[0]])
def test_turning_fills_the_corners_with_the_background(images):
    corners = images.images[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 0).mean() > 0.9  # les lettres et les chiffres sont blancs sur noir
    assert 0.02 < images.images.mean() < 0.5
    torch.manual_seed(306)
    white = torch.ones(1, *images.images.shape[1:])
    assert AUGMENTATIONS["rotation"].at(90, white.shape[1:])(white).min() == 0


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


nan = float("nan")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: AUGMENTATIONS["rotation"].at(91, (8, 8)), "« Rotation »"),
        (lambda: AUGMENTATIONS["flip"].at(1.01, (8, 8)), "de 0 à 1"),
        (lambda: AUGMENTATIONS["flip"].at(nan, (8, 8)), "nan"),
        (lambda: AUGMENTATIONS["color"].at(-0.1, (8, 8)), "Couleur"),
        (lambda: AUGMENTATIONS["crop"].at(0.2, (8, 0)), "« size »"),
        (lambda: AUGMENTATIONS["crop"].at(0.2, (8,)), "« size »"),
        (lambda: AUGMENTATIONS["crop"].at(0, 3), "une suite"),
        (lambda: A.show_stills({}), "color, rotation"),
        (lambda: A.show_stills({"colour": (Image.new("L", (9, 9)), "x")}), "« color »"),
        (lambda: A.stills(AUGMENTATIONS["crop"], Image.new("RGBA", (9, 9))), "RGBA"),
        (lambda: AUGMENTATIONS["rotation"].at(9, (4, 4))(torch.full((1, 4, 4), nan)), "NaN"),
        (lambda: AUGMENTATIONS["rotation"].at(0, (4, 4))(torch.full((1, 4, 4), nan)), "NaN"),
        (lambda: AUGMENTATIONS["rotation"].at(9, (4, 4))(np.zeros((4, 4))), "to_image"),
    ],
)
def test_bad_values_are_explained_in_french(call, words):
    with pytest.raises(ReseauxError, match=words.replace("(", r"\(").replace(")", r"\)")):
        call()
