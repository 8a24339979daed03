"""Les tâches des études : des découpes sans mélange, et les caractéristiques des bonnes images."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import tasks
from reseaux import data
from reseaux.data import LabeledImages
from reseaux.errors import ReseauxError
from reseaux.reuse import probe, transfer, weights

WHOLE = [name for name, task in tasks.TASKS.items() if not task.halves]
HALVES = [name for name, task in tasks.TASKS.items() if task.halves]


@pytest.mark.parametrize("name", tasks.TASKS)
def test_training_and_test_share_no_image(name: str) -> None:
    task = tasks.TASKS[name]
    known, held = task.split(1)
    images = tasks.images_of(task, task.source(1))
    assert len({*known} & {*held}) == 0
    assert len({*known}) == len(known)
    assert len({*held}) == len(held) == task.tested
    assert max(*known, *held) < len(images)
    assert not np.array_equal(held, task.split(2)[1])


@pytest.mark.parametrize("name", WHOLE)
def test_a_split_leaves_no_image_out_and_keeps_the_shares(name: str) -> None:
    task = tasks.TASKS[name]
    labels = tasks.images_of(task, 0).labels
    known, held = task.split(0)
    assert len(known) + len(held) == len(labels)
    shares = [
        np.bincount(labels[part]) / len(part) for part in (known, held, np.arange(len(labels)))
    ]
    assert np.abs(shares[0] - shares[2]).max() < 0.002
    assert np.abs(shares[1] - shares[2]).max() < 0.006


@pytest.mark.parametrize("name", HALVES)
def test_fragments_are_learnt_on_the_left_and_tested_on_the_right(name: str) -> None:
    task = tasks.TASKS[name]
    left, right = data.fragments(64, 120, 3, color=name == "fragments")
    whole = tasks.images_of(task, 3)
    known, held = task.split(3)
    assert np.array_equal(whole.images[known], left.images)
    assert np.array_equal(whole.labels[known], left.labels)
    assert held.min() >= len(left)
    assert np.array_equal(whole.images[held], right.images[held - len(left)])
    assert {*whole.labels[held]} == {*range(13)}


def test_the_solar_cells_are_split_as_the_paper_counts_them() -> None:
    known, held = tasks.TASKS["solar"].split(0)
    assert (len(known), len(held)) == (1968, 656)  # [Deitsch19], §4.2


@given(labels=st.sampled_from([1, 5, 20, 100]), draw=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_labelled_images_come_from_the_training_part(labels: int, draw: int) -> None:
    task = tasks.TASKS["digits"]
    known, _ = task.split(draw)
    chosen = tasks.labelled(task, labels, draw)
    assert {*chosen} <= {*known}
    truth = tasks.images_of(task, 0).labels[chosen]
    assert np.bincount(truth).tolist() == [labels] * 10
    assert np.array_equal(tasks.labelled(task, tasks.ALL, draw), known)


def test_more_labels_keep_the_first_ones() -> None:
    task = tasks.TASKS["digits"]
    assert {*tasks.labelled(task, 5, 0)} <= {*tasks.labelled(task, 20, 0)}


@pytest.mark.parametrize("name", ["lite0", "glyphs"])
def test_features_are_those_of_the_prepared_images(
    name: str, monkeypatch: pytest.MonkeyPatch, glyphs: weights.Pretrained
) -> None:
    whole = data.digits().subset(range(6))
    monkeypatch.setattr(tasks, "images_of", lambda task, source: whole)
    monkeypatch.setattr(tasks, "_glyphs", lambda: glyphs)
    tasks.backbone.cache_clear()
    try:
        net = tasks.backbone(name)
        side = 32 if name == "glyphs" else 64
        assert tasks.side(tasks.TASKS["digits"], name) == side
        expected = transfer.extract_features(net.model, transfer.prepare(net, whole, side))
        found = tasks.features("digits", name, 0)
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        part = tasks.prepared(tasks.TASKS["digits"], name, 0, np.array([4, 1]))
        assert np.array_equal(part, transfer.prepare(net, whole.subset([4, 1]), side))
    finally:
        tasks.backbone.cache_clear()


def test_random_weights_are_not_those_of_imagenet() -> None:
    learnt, random = tasks.backbone("lite0"), tasks.backbone("random")
    pairs = zip(learnt.model.parameters(), random.model.parameters(), strict=True)
    assert all(a.shape == b.shape for a, b in pairs)
    first = next(learnt.model.parameters()), next(random.model.parameters())
    assert abs(np.corrcoef(*(w.detach().flatten().numpy() for w in first))[0, 1]) < 0.2
    assert transfer.normalization(random) == transfer.normalization(learnt)


def test_an_unknown_backbone_is_refused() -> None:
    with pytest.raises(ReseauxError, match="un réseau de départ"):
        tasks.backbone("lite9")


def test_the_strength_is_the_one_that_validates_best() -> None:
    """Deux axes utiles, soixante de bruit, peu d'images : il faut régulariser beaucoup."""
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], 20)
    vectors = rng.normal(size=(40, 60)).astype(np.float32)
    vectors[:, :2] += 1.5 * (2 * labels[:, None] - 1)
    strength, score = tasks.choose_strength(vectors, labels, 0)
    again = [tasks.choose_strength(vectors, labels, 0)[1] for _ in range(2)]
    assert again == [score, score]
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    scores = [
        cross_val_score(
            make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=5000)),
            vectors,
            labels,
            cv=folds,
        ).mean()
        for c in tasks.STRENGTHS
    ]
    assert score == pytest.approx(max(scores))
    assert strength == tasks.STRENGTHS[int(np.argmax(scores))]


def test_with_many_images_one_third_validates(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.tile([0, 1], 15)
    vectors = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    learn, sizes = probe.linear_probe, list[int]()

    def counted(known: np.ndarray, *rest: Any) -> Any:
        sizes.append(len(known))
        return learn(known, *rest)

    monkeypatch.setattr(probe, "linear_probe", counted)
    for few, parts in ((31, 3), (30, 1)):
        monkeypatch.setattr(tasks, "FEW", few)
        sizes.clear()
        tasks.choose_strength(vectors, labels, 0)
        assert sizes == [20] * parts * len(tasks.STRENGTHS)


def test_images_are_read_once_per_process(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def load(draw: int) -> LabeledImages:
        calls.append(draw)
        return data.digits()

    task = tasks.Task("essai", False, 8, 10, load)
    tasks.images_of(task, 0)
    tasks.images_of(task, 0)
    assert calls == [0]


def test_the_balanced_accuracy_gives_each_class_the_same_weight() -> None:
    truth, answers = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    assert tasks.scores(truth, answers) == {"accuracy": 0.75, "balanced": (2 / 3 + 1) / 2}
    always = tasks.scores(truth, np.zeros(4, int))
    assert always == {"accuracy": 0.75, "balanced": 0.5}
