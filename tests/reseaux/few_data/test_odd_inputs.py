"""Ce qu'un appel maladroit reçoit de few_data : un résultat, ou un ReseauxError. Rien d'autre."""

import contextlib

import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision import tv_tensors

from odd_values import ODD, public_functions, result_or_refusal
from reseaux.few_data import (
    augmentations,
    checks,
    episodes,
    meta_learning,
    strategies,
    transforms,
    wrappers,
)

LABELS = np.repeat(np.arange(3), 4)
TARGETS = torch.tensor(LABELS)
IMAGES = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(0))
PHOTO = PIL.Image.new("RGB", (12, 12))
CROP = augmentations.AUGMENTATIONS["crop"]


def episode(support, queries):
    return episodes.Episode(np.array([0]), np.array(support), np.array(queries))


def tasks():
    return list(episodes.sample(LABELS, 2, 1, 2, 2, 0))


def network():
    return meta_learning.start_network(8, 3, 0)


def used(make, image=None, **options):
    """Construit une transformation, puis l'appelle."""
    return make(**options)(image)


# Chaque fonction publique, et de bons arguments, neufs à chaque appel.
CALLS = {
    "Augmentation.at": (CROP.at, lambda: {"strength": 0.2, "size": (8, 8)}),
    "Augmentation.at()": (CROP.at(0.2, (8, 8)).forward, lambda: {"image": IMAGES[0], "label": 3}),
    "stills": (augmentations.stills, lambda: {"augmentation": CROP, "photo": PHOTO, "seed": 0}),
    "show_stills": (
        augmentations.show_stills,
        lambda: {"shown": {"flip": (PHOTO, "a")}, "seed": 0},
    ),
    "channel_contrast": (
        transforms.channel_contrast,
        lambda: {"image": IMAGES, "factors": torch.ones(1)},
    ),
    "ChannelContrast": (transforms.ChannelContrast, lambda: {"strength": 0.5, "image": IMAGES}),
    "GaussianNoise": (transforms.GaussianNoise, lambda: {"sigma": 0.5, "image": IMAGES}),
    "Elastic": (transforms.Elastic, lambda: {"pixels": 1, "smoothness": 0.5, "image": IMAGES}),
    "PerImage": (wrappers.PerImage, lambda: {"transform": nn.Identity(), "image": IMAGES}),
    "Strict": (wrappers.Strict, lambda: {"transform": nn.Identity(), "image": IMAGES}),
    "Seeded": (wrappers.Seeded, lambda: {"transform": nn.Identity(), "seed": 0, "image": 3}),
    "sample": (
        lambda **options: list(episodes.sample(**options)),
        lambda: {"labels": LABELS, "ways": 2, "shots": 1, "queries": 2, "count": 2, "seed": 0},
    ),
    "nearest_prototype": (
        episodes.nearest_prototype,
        lambda: {"support": torch.rand(2, 1, 4), "queries": torch.rand(3, 4)},
    ),
    "last_layer": (
        episodes.last_layer,
        lambda: {"support": torch.rand(2, 1, 4), "queries": torch.rand(3, 4), "strength": 1.0},
    ),
    "verified": (
        lambda images, tasks: list(episodes.verified(images, tasks)),
        lambda: {"images": IMAGES, "tasks": tasks()},
    ),
    "evaluate": (
        episodes.evaluate,
        lambda: {"features": IMAGES, "tasks": tasks(), "classify": episodes.nearest_prototype},
    ),
    "start_network": (meta_learning.start_network, lambda: {"size": 8, "ways": 3, "seed": 0}),
    "adapt": (
        meta_learning.adapt,
        lambda: {
            "network": network(),
            "inputs": IMAGES[None],
            "targets": TARGETS[None],
            "steps": 1,
            "rate": 0.1,
        },
    ),
    "reptile": (
        meta_learning.reptile,
        lambda: {
            "network": network(),
            "images": IMAGES,
            "tasks": tasks(),
            "steps": 1,
            "rate": 0.1,
            "first_move": 0.5,
            "batch_size": 2,
        },
    ),
    "meta_learning.evaluate": (
        meta_learning.evaluate,
        lambda: {
            "network": network(),
            "images": IMAGES,
            "tasks": tasks(),
            "steps": 1,
            "rate": 0.1,
            "batch_size": 2,
        },
    ),
    "enlarge": (
        strategies.enlarge,
        lambda: {
            "images": IMAGES,
            "labels": TARGETS,
            "transform": nn.Identity(),
            "copies": 1,
            "seed": 0,
        },
    ),
    "pseudo_label": (
        strategies.pseudo_label,
        lambda: {"classifier": network(), "unlabeled": IMAGES, "threshold": 0.5},
    ),
    "combine": (
        strategies.combine,
        lambda: {
            "images": IMAGES,
            "labels": TARGETS,
            "classes": 3,
            "kind": "mixup",
            "copies": 1,
            "seed": 0,
        },
    ),
    "small_network": (strategies.small_network, lambda: {"outputs": 3, "seed": 0, "width": 4}),
    "fit": (
        strategies.fit,
        lambda: {
            "network": network(),
            "images": IMAGES,
            "targets": TARGETS,
            "seed": 0,
            "steps": 2,
            "batch_size": 4,
        },
    ),
}
# Le réseau de l'appelant lit ces images : ce qu'il lève passe tel quel, les docstrings le disent.
THEIR_NETWORK = {"pseudo_label", "fit"}
THEIR_FUNCTION = {"transform", "classify"}
DTYPES = [torch.uint8, torch.int64, torch.float16, torch.float32, torch.float64, torch.complex64]


@st.composite
def tensors(draw):
    """Des tenseurs qui ressemblent à des images, à des étiquettes, à des vecteurs."""
    values = torch.zeros(draw(st.lists(st.integers(0, 4), max_size=5)))
    values += draw(st.sampled_from([0, 1, -1, 0.5, 3, float("nan")]))
    kind = draw(st.sampled_from([*DTYPES, "meta", "image", "gradient"]))
    if kind == "image":
        return tv_tensors.Image(values) if values.ndim > 1 else values
    return values.requires_grad_() if kind == "gradient" else values.to(kind)


OBJECTS = [
    PIL.Image.new("L", (8, 8)), PIL.Image.new("P", (8, 8)), PIL.Image.new("RGB", (0, 3)),
    PIL.Image.new("I;16", (8, 8)), nn.Identity(), nn.Linear(2, 2), nn.Linear(2, 2, device="meta"),
    nn.Sequential(nn.Flatten(), nn.Linear(64, 1)), lambda *a: None, lambda x: x[:1],
    "flip", {"flip": 3}, {"flop": (PHOTO, "a")}, [[1], [1, 2]], (8, 8), (-1, 8), range(12),
    [episode([[]], [[]])], [episode([[0]], np.empty((2, 0), int))], [episode([[0.0]], [[1.0]])],
    [episode([0], [1])], [episode([[0]], [[99]])], [episode([[-1]], [[0]])],
    [episode([[0]], [[1]]), *tasks()],
]  # fmt: skip
ANYTHING = st.one_of(ODD, tensors(), st.sampled_from(OBJECTS))


def call(name, arguments):
    function, _ = CALLS[name]
    if "image" in arguments and isinstance(function, type):
        return used(function, **arguments)
    return function(*arguments.values()) if name.endswith("()") else function(**arguments)


def test_every_public_function_of_the_room_is_called():
    room = (augmentations, checks, episodes, meta_learning, strategies, transforms, wrappers)
    known = {name.split(".")[-1] for name in CALLS}
    names = {name.split(".")[-1] for name in public_functions(*room)}
    assert {name for name in names if not name.startswith(("check_", "is_"))} <= known


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=20, deadline=None)
@pytest.mark.parametrize("name", CALLS)
@given(data=st.data())
def test_an_odd_argument_gives_a_result_or_a_french_refusal(name, data):
    arguments = CALLS[name][1]()
    keys = data.draw(st.sets(st.sampled_from(sorted(arguments)), min_size=1, max_size=2))
    for key in keys:
        odd = data.draw(ANYTHING)
        if key == "seed" or not (isinstance(odd, int) and odd > 50):  # trop long, trop gros
            arguments[key] = odd
    theirs = name in THEIR_NETWORK or not THEIR_FUNCTION.isdisjoint(keys)
    errors = RuntimeError, LookupError, ValueError, TypeError, AttributeError
    with contextlib.suppress(*errors if theirs else ()):
        result_or_refusal(lambda **given: call(name, given), arguments)


@pytest.mark.parametrize("name", CALLS)
def test_good_arguments_give_a_result(name):
    assert call(name, CALLS[name][1]()) is not None
