"""Le test ne sert qu'à noter : ce qui est appris n'en dépend pas, ni de ce qui n'est pas tiré."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from experiments import comparison
from experiments.comparison import StartingPoint, Task, pixels
from experiments.following import Regime, follow
from experiments.recipes import Recipe
from reseaux.data import LabeledImages
from reseaux.reuse import probe, transfer
from reseaux.reuse.weights import Pretrained

FEW = settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SEEDS = given(seed=st.integers(0, 2**31))
RECIPE = Recipe(1e-2, min_steps=2, min_epochs=2)


def trace(result: Any) -> bytes:
    """Ce qu'une sonde ou un réseau a appris, en octets."""
    if isinstance(result, nn.Module):
        return b"".join(t.detach().numpy().tobytes() for t in result.state_dict().values())
    parts = [result[0].mean_, result[0].scale_, result[-1].coef_, result[-1].intercept_]
    if result[1] != "passthrough":
        parts += [result[1].mean_, result[1].components_]
    return b"".join(part.tobytes() for part in parts)


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Tout ce qui s'apprend, dans l'ordre."""
    found: list[bytes] = []

    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        def spy(*args: Any, **options: Any) -> Any:
            result = function(*args, **options)
            found.append(trace(result))
            return result

        return spy

    for name in ("linear_probe", "fine_tune"):
        monkeypatch.setattr(transfer, name, noted(getattr(transfer, name)))
    return found


def tensors(net: Pretrained, part: LabeledImages) -> tuple[torch.Tensor, torch.Tensor]:
    return transfer.prepare(net, part, 32), torch.from_numpy(part.labels)


def by_depth(task: Task, net: Pretrained) -> Any:
    known, held = ([pixels(part), pixels(part)[:, :5] ** 2] for part in task)
    return np.column_stack(comparison.by_depth(task, known, held, per_class=3, seeds=2))


def compare(task: Task, net: Pretrained) -> Any:
    start = StartingPoint(net, 32, RECIPE._replace(depth=1), RECIPE)
    return comparison.compare({"t": task}, {"lettres": start}, labels=(1, 3), seeds=2).scores


def followed(task: Task, net: Pretrained) -> Any:
    known, held = (tensors(net, part) for part in task)
    run = follow(net, known, held, 2, Regime.WHOLE, RECIPE)
    return np.array([*run.test, *np.frombuffer(trace(run.model), np.uint8)])


USES = {"by_depth": by_depth, "compare": compare, "follow": followed}


def other_images(part: LabeledImages, seed: int, kept: np.ndarray | None = None) -> LabeledImages:
    """Les mêmes étiquettes, mélangées si rien n'est à garder, sous d'autres images."""
    rng = np.random.default_rng(seed)
    images = rng.random(part.images.shape).astype(np.float32)
    if kept is None:
        return LabeledImages(images, rng.permutation(part.labels), part.names)
    images[kept] = part.images[kept]
    return LabeledImages(images, part.labels, part.names)


@pytest.mark.parametrize("use", USES)
@FEW
@SEEDS
def test_what_is_learned_does_not_depend_on_the_test(
    use: str, seed: int, bars: Task, glyphs: Pretrained, learned: list[bytes]
) -> None:
    pool, test = bars
    learned.clear()
    before = USES[use](bars, glyphs)
    first, learned[:] = [*learned], []
    after = USES[use]((pool, other_images(test, seed)), glyphs)
    assert first == learned
    if use == "follow":  # le réseau rendu est celui de la fin, et non le meilleur au test
        assert np.array_equal(before[2:], after[2:])


@pytest.mark.parametrize("use", ["by_depth", "compare"])
@FEW
@SEEDS
def test_images_that_are_not_drawn_change_nothing(
    use: str, seed: int, bars: Task, glyphs: Pretrained, learned: list[bytes]
) -> None:
    """Ni une sonde, ni sa mise à l'échelle, ni un réglage ne regardent le reste de la réserve."""
    pool, test = bars
    drawn = np.concatenate([pool.sample_indices(3, s) for s in (0, 1)])
    assert len({*drawn}) < len(pool)
    learned.clear()
    before = USES[use](bars, glyphs)
    first, learned[:] = [*learned], []
    after = USES[use]((other_images(pool, seed, drawn), test), glyphs)
    assert first == learned
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("use", USES)
@FEW
@SEEDS
def test_a_score_is_the_mean_over_the_test_images(
    use: str, seed: int, bars: Task, glyphs: Pretrained
) -> None:
    """Le test répété deux fois, ou mélangé, note pareil."""
    pool, test = bars
    order = np.random.default_rng(seed).permutation(2 * len(test)) % len(test)
    before, after = (USES[use]((pool, t), glyphs) for t in (test, test.subset(order)))
    np.testing.assert_allclose(before, after, atol=1e-12)


def test_every_method_gets_the_same_draws(
    bars: Task, glyphs: Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comparer tirage par tirage demande les mêmes images, et chaque tirage en demande d'autres."""
    labels: dict[str, list[Any]] = {"linear_probe": [], "fine_tune": []}
    original = {name: getattr(transfer, name) for name in labels}
    pool = LabeledImages(bars[0].images.copy(), bars[0].labels, bars[0].names)
    for i, image in enumerate(pool.images):
        image[0, 0] = i / 64  # chaque image porte son numéro

    def spy(name: str) -> Callable[..., Any]:
        def called(*args: Any, **options: Any) -> Any:
            images = args[0] if name == "linear_probe" else args[1]
            labels[name].append(images)
            return original[name](*args, **options)

        return called

    for name in labels:
        monkeypatch.setattr(transfer, name, spy(name))
    compare((pool, bars[1]), glyphs)
    x = transfer.prepare(glyphs, pool, 32)
    draws = [pool.sample_indices(count, seed) for count in (1, 3) for seed in (0, 1)]
    assert len({tuple(sorted(d)) for d in draws}) == 4
    methods = [labels["linear_probe"][k : k + 4] for k in range(0, 20, 4)]
    assert len(labels["linear_probe"]) == 4 * 5
    assert all(np.array_equal(v, pixels(pool)[d]) for v, d in zip(methods[0], draws, strict=True))
    features = transfer.extract_features(glyphs.model, x)
    for depth, found in enumerate(methods[1:]):
        for vectors, drawn in zip(found, draws, strict=True):
            np.testing.assert_array_equal(vectors, features[depth][drawn])
    assert len(labels["fine_tune"]) == 4 * 2
    for images, drawn in zip(labels["fine_tune"], draws * 2, strict=True):
        assert torch.equal(images, x[drawn])


@settings(max_examples=25, deadline=None)
@given(
    counts=st.lists(st.integers(1, 9), min_size=2, max_size=5), folds=st.integers(2, 6),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_cross_validation_asks_once_for_each_image_it_has_not_seen(
    counts: list[int], folds: int, seed: int
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    if labels.size == len(counts):
        return
    ids = np.arange(len(labels), dtype=np.float32)[:, None]
    asked: list[int] = []

    class Reader:
        def __init__(self, seen: Any, truth: Any) -> None:
            assert np.array_equal(labels[seen[:, 0].astype(int)], truth)
            self.seen = {*seen[:, 0]}

        def predict(self, rows: Any) -> Any:
            assert self.seen.isdisjoint(rows[:, 0])
            assert self.seen | {*rows[:, 0]} == {*ids[:, 0]}
            asked.extend(rows[:, 0].astype(int))
            return labels[rows[:, 0].astype(int)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "linear_probe", Reader)
        best, scores = probe.choose_depth([ids, ids], labels, folds, seed)
    assert best == 1
    assert all(asked.count(i) in (0, 2) for i in range(len(labels)))
    assert scores == [len({*asked}) / len(labels)] * 2


@FEW
@SEEDS
def test_renamed_classes_rename_the_answers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, renamed = np.repeat(np.arange(3), 8), rng.permutation(3)
    vectors = (3 * np.eye(3)[labels] + rng.normal(0, 0.5, (24, 3))).astype(np.float32)
    held = (3 * np.eye(3)[labels] + rng.normal(0, 0.5, (24, 3))).astype(np.float32)
    plain = probe.linear_probe(vectors, labels)
    other = probe.linear_probe(vectors, renamed[labels])
    np.testing.assert_allclose(
        other.predict_proba(held)[:, renamed], plain.predict_proba(held), atol=0.02
    )
    layers = [probe.as_linear_layer(p)(torch.from_numpy(held)).argmax(1) for p in (plain, other)]
    assert np.array_equal(renamed[layers[0]], layers[1])
