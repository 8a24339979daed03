"""Les mesures de ressemblance, contre des formules fermées et scikit-learn."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ortho_group
from sklearn.neighbors import NearestNeighbors

from experiments import depths, similarity, tasks

RNG = np.random.default_rng(0)
CLOUD = RNG.normal(size=(60, 7)) * np.arange(1, 8) + 3


def test_neither_a_rotation_nor_a_scale_changes_the_agreement() -> None:
    turned = CLOUD @ ortho_group.rvs(7, random_state=0) * 5 - 2
    assert similarity.agreement(CLOUD, turned) == pytest.approx(1)
    stretched = CLOUD * np.array([9, 1, 1, 1, 1, 1, 1])
    assert 0.1 < similarity.agreement(CLOUD, stretched) < 0.99


def test_the_agreement_is_the_formula_of_the_article() -> None:
    """Oracle : ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖), sur les colonnes centrées."""
    other = np.concatenate([CLOUD[:, :2] ** 2, RNG.normal(size=(60, 3))], axis=1)
    x, y = (z - z.mean(axis=0) for z in (CLOUD, other))
    norm = np.linalg.norm
    expected = norm(y.T @ x) ** 2 / (norm(x.T @ x) * norm(y.T @ y))
    assert similarity.agreement(CLOUD, other) == pytest.approx(expected)
    assert similarity.agreement(CLOUD, np.ones((60, 2))) == 0


@pytest.mark.parametrize("count", [1, 5])
def test_neighbours_are_those_of_scikit_learn(count: int) -> None:
    labels = np.where(RNG.random(60) < 0.7, 0, RNG.integers(1, 3, 60))
    near = NearestNeighbors(n_neighbors=count, metric="cosine").fit(CLOUD)
    nearest = near.kneighbors(return_distance=False)  # sans l'image elle-même
    same = (labels[nearest] == labels[:, None]).mean(axis=1)
    expected = np.average(same, weights=1 / np.bincount(labels)[labels])
    assert similarity.neighbours(CLOUD, labels, count) == pytest.approx(expected)


def test_the_distance_is_that_of_two_normal_laws() -> None:
    """Formule : décaler chaque axe de a écarts types, puis l'étirer par b : a² + (b − 1)²."""
    mean, std = CLOUD.mean(axis=0), CLOUD.std(axis=0)
    moved = (CLOUD - mean) * 3 + mean + 2 * std
    assert similarity.distance(CLOUD, CLOUD) == 0
    assert similarity.distance(moved, CLOUD) == pytest.approx(2**2 + (3 - 1) ** 2)


def test_the_dimension_counts_directions() -> None:
    corners = np.concatenate([np.eye(6), -np.eye(6)])
    assert similarity.dimension(corners) == pytest.approx(6)
    assert similarity.dimension(np.outer(np.arange(9), np.ones(4))) == pytest.approx(1)


@pytest.fixture
def spaces(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Deux profondeurs : du bruit, puis la classe ; rend ce qui a été demandé."""
    asked = []
    labels = tasks.images_of(tasks.TASKS["digits"], 0).labels
    noise = np.random.default_rng(0).normal(size=(len(labels), 12)).astype(np.float32)

    def features(task: str, _: str, source: int) -> list[np.ndarray]:
        asked.append((task, source))
        return [noise, noise + 9 * np.eye(12, dtype=np.float32)[labels]]

    monkeypatch.setattr(tasks, "features", features)
    return asked


def measured(**changes: Any) -> dict[str, Any]:
    base = {"task": "digits", "backbone": "lite0", "depth": 0, "draw": 4}
    return similarity.measure({**base, **changes})


def test_a_cell_measures_its_depth(spaces: list[tuple[str, int]]) -> None:
    noise, classes = measured(), measured(depth=1)
    assert spaces == [("digits", 0), ("fragments", 0)] * 2  # photographies d'un autre tirage
    assert [*noise] == [*similarity.STUDY.measures]
    assert max(noise["neighbours_1"], noise["neighbours_5"]) < 0.2
    assert min(classes["neighbours_1"], classes["neighbours_5"]) > 0.95
    assert noise["agreement_labels"] < 0.1 < 0.7 < classes["agreement_labels"]
    assert noise["agreement_last"] < 0.3
    assert classes["agreement_last"] == pytest.approx(1)
    assert noise["dimension"] > classes["dimension"]
    assert noise["distance"] < 0.1  # les mêmes images, ou presque


def test_the_images_tested_are_not_looked_at(
    spaces: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = tasks.TASKS["digits"]
    known, held = task.split(4)
    before = measured(depth=1)
    real, features = tasks.images_of(task, 0), tasks.features
    labels = real.labels.copy()
    labels[held] = 0
    other = tasks.LabeledImages(real.images, labels, real.names)
    monkeypatch.setattr(tasks.Task, "split", lambda *_: (known, held))
    monkeypatch.setattr(tasks, "images_of", lambda *_: other)
    monkeypatch.setattr(tasks, "features", features)
    assert measured(depth=1) == before


def test_the_plan_is_that_of_the_probes() -> None:
    probes = {
        tuple(c[k] for k in similarity.STUDY.columns)
        for c in depths.STUDY.plan
        if c["backbone"] in similarity.BACKBONES
    }
    assert {tuple(c.values()) for c in similarity.STUDY.plan} == probes


def test_the_losses_are_those_of_each_choice() -> None:
    keys = {"task": "mnist", "backbone": "glyphs", "draw": 0}
    probes = pd.DataFrame(
        [{**keys, "depth": d, "labels": 5, "balanced": a, "validation": -a}
         for d, a in enumerate([0.5, 0.9, 0.7, 0.6])]
    )  # fmt: skip
    found = pd.DataFrame(
        {**keys, "depth": range(4), "neighbours_1": [0, 1, 2, 0], "distance": [4, 1, 2, 3]}
        | {"dimension": [9, 1, 1, 1]}
    )
    elsewhere = probes.assign(labels=20, balanced=0.0)
    unfinished = found.assign(task="digits")[:2]  # deux profondeurs n'ont pas leur ligne
    table = similarity.losses(
        pd.concat([probes, elsewhere, probes.assign(task="digits")]),
        pd.concat([found, unfinished]),
        5,
    )
    expected = {"neighbours_1": 0.2, "validation": 0.4, "depth": 0.3}
    expected |= {"distance": 0, "dimension": 0.4, "any": 0.225}
    assert len(table) == 1
    assert table.iloc[0].to_dict() == pytest.approx(expected)
    other = similarity.losses(probes.assign(other=1.0), found, 5, "other")
    assert not other.to_numpy().any()
