"""La sonde, contre scikit-learn."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from reseaux.errors import ReseauxError
from reseaux.reuse import probe


def test_probe_does_not_depend_on_the_scale_of_a_feature() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5)).astype(np.float32)
    y = (x[:, 0] + 0.3 * rng.normal(size=60) > 0).astype(np.int64)
    scaled = x * np.array([1000, 1, 1, 1, 1], np.float32)
    assert np.array_equal(
        probe.linear_probe(x, y).predict(x), probe.linear_probe(scaled, y).predict(scaled)
    )
    assert probe.linear_probe(x, y).score(x, y) > 0.85
    with pytest.raises(ReseauxError, match="au moins deux"):
        probe.linear_probe(x, np.zeros(60, np.int64))


def test_wide_probe_is_plain_logistic_regression() -> None:
    """Oracle : la régression logistique de scikit-learn, sans le changement d'axes."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 200)), np.repeat([0, 1, 2], 10)
    x[:, 0] += y
    held = rng.normal(size=(50, 200))
    scaler = StandardScaler().fit(x)
    plain = LogisticRegression(max_iter=1000, tol=1e-6).fit(scaler.transform(x), y)
    ours = probe.linear_probe(x, y).predict_proba(held)
    np.testing.assert_allclose(ours, plain.predict_proba(scaler.transform(held)), atol=5e-3)


@pytest.mark.parametrize(("classes", "count", "width"), [(2, 40, 6), (3, 60, 6), (3, 12, 50)])
def test_linear_is_the_probe(classes: int, count: int, width: int) -> None:
    """Oracle : ``predict_proba`` de scikit-learn ; deux classes ou plus, avec rotation ou sans."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % classes
    x = (rng.normal(3, 2, (count, width)) + labels[:, None]).astype(np.float32)
    classifier = probe.linear_probe(x, labels)
    ours = probe.as_linear_layer(classifier)(torch.from_numpy(x)).softmax(dim=1)
    np.testing.assert_allclose(ours.numpy(), classifier.predict_proba(x), atol=1e-5)


def test_many_classes_of_few_images_are_ordinary() -> None:
    """scikit-learn demanderait, en anglais, si ce n'est pas une régression."""
    vectors = np.random.default_rng(0).normal(size=(24, 5)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(probe.linear_probe(vectors, np.arange(24) % 16).classes_) == 16


def test_choose_depth_takes_the_informative_one() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 12)
    noise = rng.normal(size=(36, 4)).astype(np.float32)
    signal = noise + 5 * np.eye(3, 4, dtype=np.float32)[labels]
    best, scores = probe.choose_depth([noise, signal, noise], labels)
    assert best == 1
    assert scores[1] > 0.9 > 0.7 > scores[0]
    with pytest.raises(ReseauxError, match="Donnez la profondeur"):
        probe.choose_depth([noise[:2]], np.array([0, 1]))


def test_choosing_the_depth_never_scores_what_was_learned():
    """Du bruit à cent dimensions s'apprend par cœur : seule une fuite le ferait gagner."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    informative = (labels + rng.normal(0, 0.4, 40))[:, None].astype(np.float32)
    noise = rng.normal(size=(40, 100)).astype(np.float32)
    depth, scores = probe.choose_depth([informative, noise], labels)
    assert depth == 0
    assert scores[0] > 0.75 > scores[1]


def test_the_folds_are_of_equal_sizes_even_for_uneven_classes(monkeypatch):
    labels = np.repeat(np.arange(6), 5)
    sizes, fit = [], probe.linear_probe
    monkeypatch.setattr(probe, "linear_probe", lambda x, y: sizes.append(len(y)) or fit(x, y))
    vectors = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    probe.choose_depth([vectors], labels)
    assert sorted(30 - size for size in sizes) == [7, 7, 8, 8]


def test_on_a_tie_the_deepest_layer_wins():
    rng = np.random.default_rng(0)
    labels = np.arange(20) % 2
    vectors = (labels + rng.normal(0, 0.1, 20))[:, None].astype(np.float32)
    assert probe.choose_depth([vectors, vectors, vectors], labels)[0] == 2


X, Y = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32), np.arange(8) % 2


@pytest.mark.parametrize(
    ("vectors", "labels", "message"),
    [
        (np.where(np.arange(3) == 1, np.nan, X), Y, "NaN"),
        (np.where(np.arange(3) == 1, np.inf, X), Y, "infinies"),
        (X * np.float32(1e20), Y, "démesurées"),
        (X[:, 0], Y, "N×C nombres"),
        (X[:0], Y[:0], "N×C nombres"),
        (X.astype(str), Y, "N×C nombres"),
        (X, Y[:-1], "un entier par vecteur"),
        (X, Y[:, None], "un entier par vecteur"),
        (X, Y.astype(float), "un entier par vecteur"),
        (X, Y * 0, "au moins deux"),
    ],
)
def test_what_a_probe_cannot_learn_is_refused(vectors, labels, message):
    with pytest.raises(ReseauxError, match=message):
        probe.linear_probe(vectors, labels)
    with pytest.raises(ReseauxError, match=message):
        probe.choose_depth([X, vectors] if len(labels) == len(X) else [vectors], labels)


def test_depths_to_compare_and_folds_are_needed():
    for vectors, folds, message in (
        ([], 2, "Aucune"),
        ([X], 0, "« folds »"),
        ([X], 1, "« folds »"),
    ):
        with pytest.raises(ReseauxError, match=message):
            probe.choose_depth(vectors, Y, folds)
    with pytest.raises(ReseauxError, match="n'est pas une sonde"):
        probe.as_linear_layer(object())


def test_labels_need_not_start_at_zero():
    moved = probe.choose_depth([X, X**2], Y - 7, seed=3)
    assert moved == probe.choose_depth([X, X**2], Y, seed=3)


@pytest.mark.parametrize(
    "steps",
    [
        (StandardScaler(), PCA(whiten=True)),
        (StandardScaler(with_mean=False), "passthrough"),
        (StandardScaler(with_std=False), "passthrough"),
        (MinMaxScaler(), PCA()),
        (RobustScaler(), "passthrough"),
    ],
    ids=str,
)
def test_a_step_that_a_layer_would_not_follow_is_refused(steps: tuple[object, object]) -> None:
    rng, labels = np.random.default_rng(0), np.arange(60) % 3
    x = (rng.normal(3, 2, (60, 6)) + labels[:, None]).astype(np.float32)
    classifier = make_pipeline(*steps, LogisticRegression()).fit(x, labels)
    with pytest.raises(ReseauxError):
        probe.as_linear_layer(classifier)


@pytest.mark.parametrize("offset", [0, 1e3, 1e6])
def test_a_layer_is_faithful_or_refused(offset: float) -> None:
    """Loin de zéro, la somme d'une couche en float32 n'a plus assez de chiffres."""
    rng, labels = np.random.default_rng(0), np.arange(60) % 3
    x = (rng.normal(offset, 1, (60, 6)) + labels[:, None]).astype(np.float32)
    classifier = probe.linear_probe(x, labels)
    if offset > 1e4:
        with pytest.raises(ReseauxError, match="loin de zéro"):
            probe.as_linear_layer(classifier)
        return
    ours = probe.as_linear_layer(classifier)(torch.from_numpy(x)).softmax(dim=1)
    np.testing.assert_allclose(ours.numpy(), classifier.predict_proba(x), atol=1e-3)


def test_a_probe_warns_of_nothing_and_draws_nothing() -> None:
    x = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float16)
    before = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        probe.as_linear_layer(probe.linear_probe(x, np.arange(12) % 3))
    assert torch.equal(torch.get_rng_state(), before)


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


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31))
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
