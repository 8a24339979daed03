"""Une sonde à chaque profondeur : la bonne, sans regarder le test."""

from typing import Any

import numpy as np
import pytest

from experiments import depths, tasks
from reseaux.data import LabeledImages
from reseaux.reuse import probe, transfer


def cell(**changes: Any) -> dict[str, Any]:
    base = {"task": "digits", "backbone": "pixels", "depth": 0, "labels": 5, "draw": 1}
    return {**base, **changes}


@pytest.fixture
def tiny_features(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Trois profondeurs : du bruit, la classe, et la classe à moitié."""
    labels = tasks.images_of(tasks.TASKS["digits"], 0).labels
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(len(labels), 12)).astype(np.float32)
    spaces = [noise, noise + 5 * np.eye(12, dtype=np.float32)[labels], noise.copy()]
    spaces[2][::2] = spaces[1][::2]
    monkeypatch.setattr(tasks, "features", lambda *_: spaces)
    return spaces


def test_each_depth_is_its_own(tiny_features: list[np.ndarray]) -> None:
    found = [depths.measure(cell(backbone="lite0", depth=d))["accuracy"] for d in range(3)]
    assert found[0] < 0.25 < 0.4 < found[2] < 0.8 < 0.95 < found[1]


def test_the_test_set_chooses_nothing(
    tiny_features: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = tasks.TASKS["digits"]
    whole = tasks.images_of(task, 0)
    before = depths.measure(cell(backbone="lite0", depth=2))
    _, held = task.split(1)
    labels = whole.labels.copy()
    labels[held] = np.roll(labels[held], 1)
    real = tasks.images_of
    spoilt = LabeledImages(whole.images, labels, whole.names)
    split = task.split(1)
    monkeypatch.setattr(tasks.Task, "split", lambda *_: split)
    monkeypatch.setattr(tasks, "images_of", lambda t, s: spoilt if t == task else real(t, s))
    after = depths.measure(cell(backbone="lite0", depth=2))
    assert after["accuracy"] < before["accuracy"] - 0.2
    assert (after["validation"], after["strength"]) == (before["validation"], before["strength"])


def test_pixels_are_the_images_themselves() -> None:
    task = tasks.TASKS["digits"]
    whole = tasks.images_of(task, 0)
    chosen, (_, held) = tasks.labelled(task, 20, 1), task.split(1)
    flat = whole.images.reshape(len(whole), -1)
    found = depths.measure(cell(labels=20))
    reference = probe.linear_probe(flat[chosen], whole.labels[chosen], found["strength"])
    assert found["accuracy"] == reference.score(flat[held], whole.labels[held])
    assert found["accuracy"] > 0.75


@pytest.mark.parametrize("name", tasks.TASKS)
def test_pixels_stay_few_and_keep_their_channels(name: str) -> None:
    task = tasks.TASKS[name]
    images = tasks.images_of(task, 0).images
    vectors = depths._vectors(name, "pixels", 0, 0)
    side = {"solar": 28, "fragments": 16, "grey": 28, "mnist": 28, "digits": 8}[name]
    channels = 3 if name == "fragments" else 1
    assert vectors.shape == (len(images), channels * side**2)
    expected = transfer.resize(images[:3], side).numpy()[:, :channels].reshape(3, -1)
    np.testing.assert_allclose(vectors[:3], expected, atol=1e-6)


def test_the_plan_asks_for_every_depth_of_every_backbone() -> None:
    for name in ("lite0", "glyphs", "random"):
        real = len(transfer.depth_names(tasks.backbone(name).model))
        planned = {c["depth"] for c in depths.STUDY.plan if c["backbone"] == name}
        assert max(planned) == real - 1
        assert name == "random" or planned == {*range(real)}
    # Quatre nombres d'étiquettes, cinq tirages ; cinq tâches, ou deux pour Lite1 et Lite2.
    assert len(depths.STUDY.plan) == 4 * 5 * (5 * (1 + 9 + 4 + 4) + 2 * (3 + 3))
