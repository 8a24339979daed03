"""Ce qu'une fonction publique ne peut pas utiliser donne une erreur du cours, et aucune autre."""

import copy
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from experiments import glyph_network, starts
from reseaux import data
from reseaux.errors import ReseauxError
from reseaux.reuse import attention, backbone, fine_tuning, probe, training, transfer
from reseaux.reuse.weights import Pretrained

FLOATS = [torch.float32, torch.float64, torch.float16]


class Small(nn.Sequential):
    """Trois étages et un classifieur."""

    def __init__(self) -> None:
        blocks = [
            nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in ((3, 4), (4, 4), (4, 6))
        ]
        super().__init__(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))


def small() -> Pretrained:
    torch.manual_seed(0)
    names = ("a", "b", "c")
    return Pretrained("petit", Small().eval(), lambda _: torch.ones(3, 8, 8), names, names)


POOL = data.LabeledImages(
    np.random.default_rng(0).random((12, 8, 8)).astype(np.float32), np.arange(12) % 3, tuple("abc")
)
PAIR = (torch.randn(6, 3, 8, 8), torch.arange(6) % 3)
VECTORS = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
PHOTO = Image.new("RGB", (9, 7), "gray")


def train(model: Any, images: Any, labels: Any, **options: Any) -> object:
    known = [*model.parameters()] if isinstance(model, nn.Module) else []
    optimizer = torch.optim.SGD(known or [torch.zeros(1)], lr=0.1)
    return training.train(model, images, labels, optimizer=optimizer, **options)


Case = tuple[Callable[..., Any], Callable[[], dict[str, Any]]]
CASES: dict[str, Case] = {
    "train": (train, lambda: {
        "model": small().model, "images": PAIR[0], "labels": PAIR[1], "epochs": 1, "batch_size": 4,
        "first_epoch": 0, "frozen_statistics": False, "generator": None}),
    "train_mode": (training.train_mode, lambda: {
        "model": small().model, "frozen_statistics": True}),
    "predict": (training.predict, lambda: {
        "model": small().model, "images": PAIR[0], "batch_size": 4}),
    "accuracy": (training.accuracy, lambda: {
        "model": small().model, "images": PAIR[0], "labels": PAIR[1], "batch_size": 4}),
    "normalization": (transfer.normalization, lambda: {"pretrained": glyphs()}),
    "resize": (transfer.resize, lambda: {"images": POOL.images, "size": 8}),
    "prepare": (transfer.prepare, lambda: {
        "pretrained": glyphs(), "images": POOL, "size": 8}),
    "linear_probe": (probe.linear_probe, lambda: {
        "vectors": VECTORS, "labels": POOL.labels, "strength": 1.0}),
    "as_linear_layer": (probe.as_linear_layer, lambda: {
        "classifier": probe.linear_probe(VECTORS, POOL.labels)}),
    "choose_depth": (probe.choose_depth, lambda: {
        "vectors": [VECTORS, VECTORS], "labels": POOL.labels, "folds": 3, "seed": 0}),
    "Backbone": (backbone.Backbone, lambda: {"network": small().model, "depth": 1}),
    "LinearProbe": (backbone.LinearProbe, lambda: {
        "backbone": backbone.Backbone(small().model), "head": nn.Linear(6, 2)}),
    "depth_names": (backbone.depth_names, lambda: {"model": small().model}),
    "extract_features": (backbone.extract_features, lambda: {
        "model": small().model, "images": PAIR[0], "batch_size": 4}),
    "new_head": (backbone.new_head, lambda: {"model": small().model, "classes": 4, "seed": 0}),
    "start_fine_tuning": (fine_tuning.start_fine_tuning, lambda: {
        "pretrained": small(), "image_shape": (3, 8, 8), "classes": 3, "first_trained": 1,
        "learning_rate": 1e-3, "backbone_rate": 1.0, "seed": 0}),
    "fine_tune": (fine_tuning.fine_tune, lambda: {
        "pretrained": small(), "images": PAIR[0], "labels": PAIR[1], "classes": 3, "epochs": 1,
        "first_trained": 1, "learning_rate": 1e-3, "backbone_rate": 1.0, "batch_size": 4,
        "seed": 0, "frozen_statistics": False, "resume": False, "checkpoint": None}),
    "attention.prepare": (attention.prepare, lambda: {"net": small(), "images": [PHOTO]}),
    "last_maps": (attention.last_maps, lambda: {"model": small().model, "batch": PAIR[0]}),
    "heat_maps": (attention.heat_maps, lambda: {
        "net": small(), "images": [PHOTO], "classes": [1]}),
    "hide": (attention.hide, lambda: {
        "batch": PAIR[0], "heat": torch.randn(6, 8, 8), "fraction": 0.2}),
    "draw_attention": (attention.draw_attention, lambda: {
        "net": small(), "images": [PHOTO], "columns": 2}),
    "untrained": (starts.untrained, lambda: {"pretrained": small(), "seed": 0}),
    "cut": (starts.cut, lambda: {"pretrained": small(), "depth": 1, "size": 8}),
    "distort": (glyph_network.distort, lambda: {
        "generator": torch.Generator(), "amount": 0.5}),
}  # fmt: skip


def glyphs() -> Pretrained:
    model = glyph_network.GlyphNetwork(3, 2).eval()
    names = ("a", "b", "c")

    def transform(image: Image.Image) -> torch.Tensor:
        return glyph_network._prepare(np.asarray(image.convert("L"), np.float32)[None] / 255)[0]

    return Pretrained("glyphes", model, transform, names, names)


ODD: list[Any] = [
    None, True, 0, -1, 3, 97, 2**63, 10**400, 10**5000, 0.5, -0.5,
    float("nan"), float("inf"), "x", "", b"x", "a\0b",
    [], [1], (), {},
    {"a": 1}, object(), Path("x"), np.int64(2), np.float32(0.5), np.array(2), np.array([]),
    np.bool_(True), np.array(["a"]), np.array([1, 2]), torch.tensor(1), torch.tensor([]), 1j,
    torch.zeros(2, 3, device="meta"), nn.Identity(), nn.Linear(2, 2), int, len, [PHOTO], PHOTO,
    [VECTORS], VECTORS, POOL, (POOL, POOL), PAIR, small(),
]  # fmt: skip


def twisted(value: Any, draw: st.DataObject) -> Any:
    """La valeur un peu changée : autre type de nombres, autre forme, un NaN, un signe."""
    if isinstance(value, torch.Tensor | np.ndarray) and value.size:
        return draw.draw(st.sampled_from(_twists(torch.as_tensor(value), value)))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return draw.draw(
        st.sampled_from([-value, value + 1, 0, str(value), np.int64(1), np.float64(2)])
    )


def _twists(tensor: torch.Tensor, value: Any) -> list[Any]:
    back = (lambda t: t) if isinstance(value, torch.Tensor) else (lambda t: t.numpy())
    broken = tensor.clone().double()
    broken.view(-1)[0] = torch.nan
    found = [tensor.to(dtype) for dtype in (*FLOATS, torch.int32, torch.uint8, torch.bool)]
    found += [tensor[:0], tensor[:1], tensor[None], tensor[..., None], tensor[0], -tensor, broken]
    found += [tensor * 1000, tensor.repeat(2, *[1] * (tensor.ndim - 1)), broken.to(tensor.dtype)]
    return [*map(back, found), tensor.tolist(), np.asarray(tensor), torch.as_tensor(tensor)]


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(draw=st.data())
def test_a_public_function_answers_or_explains(name: str, draw: st.DataObject) -> None:
    function, arguments = CASES[name]
    given_arguments = arguments()
    key = draw.draw(st.sampled_from(sorted(given_arguments)))
    if draw.draw(st.booleans()):
        given_arguments[key] = twisted(given_arguments[key], draw)
    else:
        given_arguments[key] = copy.deepcopy(draw.draw(st.sampled_from(ODD)))
    with suppress(ReseauxError):
        function(**given_arguments)


@pytest.mark.parametrize("name", CASES)
def test_the_ordinary_arguments_are_accepted(name: str) -> None:
    function, arguments = CASES[name]
    function(**arguments())
