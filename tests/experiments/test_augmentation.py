"""L'étude de l'augmentation : son plan, ses tirages, ses copies, et un test qui ne choisit rien."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from experiments import augmentation, learners
from experiments.augmentation import STRENGTHS, STUDY, Task
from experiments.study import Cell
from reseaux import data
from reseaux.few_data.augmentations import AUGMENTATIONS

LEARNERS = ("probe", "network")
READ = augmentation.find_task


def tiny(labels: np.ndarray | None = None) -> Task:
    """Deux classes de barres, dont la seconde est rare ; le numéro de l'image est dans un coin."""
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], (24, 16))
    images = rng.uniform(0, 0.2, (40, 16, 16)).astype(np.float32)
    images[truth == 0, :, :8] += 0.7
    images[truth == 1, :, 8:] += 0.7
    images[:, 0, 0] = np.arange(40) / 100
    known = data.LabeledImages(images, truth if labels is None else labels, ("gauche", "droite"))
    return Task(known, 10, False, (2, 5), 32, 16)


def cell(learner: str, transform: str = "noise", labels: int = 5, draw: int = 0) -> Cell:
    level = STRENGTHS[transform][0]
    keys = ("task", "learner", "transform", "level", "labels", "draw")
    return dict(zip(keys, ("tiny", learner, transform, level, labels, draw), strict=True))


@pytest.fixture(autouse=True)
def _tiny_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXPERIENCES_MEMOIRE", raising=False)
    monkeypatch.setattr(
        augmentation, "find_task", lambda name: tiny() if name == "tiny" else READ(name)
    )
    monkeypatch.setattr(augmentation, "STEPS", (5, 20))


def test_the_plan_tries_everything_on_the_same_draws() -> None:
    assert len({STUDY.key(c) for c in STUDY.plan}) == len(STUDY.plan)
    assert {str(c["transform"]) for c in STUDY.plan} == {*AUGMENTATIONS} | {
        "none",
        "mix",
        "right_angles",
    }
    tried = Counter((c["task"], c["learner"], c["labels"], c["draw"]) for c in STUDY.plan)
    assert {*tried.values()} == {sum(map(len, STRENGTHS.values()))}
    assert {draw for *_, draw in tried} == {*range(5)}
    for c in STUDY.plan:
        assert c["level"] in STRENGTHS[str(c["transform"])]


@pytest.mark.parametrize("task", ["letters", "fragments"])
def test_every_planned_size_can_be_drawn(task: str) -> None:
    found = augmentation.find_task(task)
    ranked, test = found.split(0)
    assert ranked.shape == (len(found.images.names), found.labels[-1])
    assert len(test) == found.test_size
    assert {c["labels"] for c in STUDY.plan if c["task"] == task} <= {*found.labels}


def test_solar_cells_keep_the_published_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.repeat([0, 1], (1803, 821))
    cells = data.LabeledImages(np.zeros((2624, 2, 2), np.float32), labels, ("saine", "autre"))
    monkeypatch.setattr(data, "solar_cells", lambda size: cells)
    ranked, test = READ.__wrapped__("cells").split(3)
    assert ranked.shape == (2, 100)
    assert len(test) == 656
    assert labels[test].sum() == round(656 * 821 / 2624)


@pytest.mark.parametrize("fixed", [False, True])
def test_a_draw_separates_what_it_labels_from_its_test(fixed: bool) -> None:
    task = tiny()._replace(fixed=fixed)
    labels, draws = task.images.labels, [task.split(draw) for draw in range(4)]
    for ranked, test in draws:
        assert not {*ranked.ravel()} & {*test}
        assert (labels[ranked] == [[0], [1]]).all()
        assert fixed or labels[test].sum() == 4
        assert not fixed or test.tolist() == [*range(30, 40)]
    assert len({ranked.tobytes() for ranked, _ in draws}) == 4
    few = task._replace(labels=(2,)).split(0)[0]
    assert (few == draws[0][0][:, :2]).all()


def test_right_angles_are_the_eight_positions_of_a_square() -> None:
    image = torch.arange(6.0).reshape(1, 2, 3)
    torch.manual_seed(0)
    found = {tuple(augmentation.RightAngles()(image).flatten().tolist()) for _ in range(200)}
    flat = image[0].numpy()
    turned = [np.rot90(side, k) for side in (flat, flat.T) for k in range(4)]
    assert found == {tuple(positions.ravel().tolist()) for positions in turned}


@pytest.mark.parametrize("key", AUGMENTATIONS)
def test_a_transformation_has_the_strength_of_its_level(key: str) -> None:
    image = torch.rand(1, 16, 16)
    for level in STRENGTHS[key]:
        wanted = AUGMENTATIONS[key].at(AUGMENTATIONS[key].strengths[level], (16, 16))
        given = augmentation.transformation(key, level, 16)
        assert given is not None
        torch.manual_seed(3)
        expected = wanted(image)
        torch.manual_seed(3)
        assert torch.equal(given(image), expected)


def test_the_mix_applies_two_of_the_nine(monkeypatch: pytest.MonkeyPatch) -> None:
    applied: list[tuple[str, int]] = []

    class Noted(nn.Module):
        def __init__(self, key: str, level: int) -> None:
            super().__init__()
            self.told = key, level

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            applied.append(self.told)
            return image

    make = augmentation.transformation
    monkeypatch.setattr(augmentation, "transformation", lambda key, level, side: Noted(key, level))
    mix = make("mix", 3, 16)
    assert mix is not None
    torch.manual_seed(0)
    for count in range(1, 101):
        mix(torch.zeros(1, 16, 16))
        assert len(applied) == 2 * count
    assert {*applied} == {(key, 2 if key == "flip" else 3) for key in AUGMENTATIONS}


@pytest.mark.parametrize("labels", [2, 5])
def test_the_probe_sees_copies_in_the_order_of_their_pictures(
    labels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(images: torch.Tensor, side: int) -> list[np.ndarray]:
        return [images[:, 0, 0, :1].numpy()] * 2

    given: list[Any] = []
    monkeypatch.setattr(augmentation, "_features", read)
    monkeypatch.setattr(augmentation, "transformation", lambda *_: nn.Identity())
    monkeypatch.setattr(
        learners, "best_probe", lambda *args: given.append(args) or learners.Score(0, 0, 0, 0)
    )
    augmentation.measure(cell("probe", labels=labels))
    seen, known, ranks, test, settings = given[0]
    ranked, held = tiny().split(0)
    for depth in seen:
        assert (100 * depth.plain).round().ravel().tolist() == ranked[:, :labels].ravel().tolist()
        assert depth.copies.shape == (3, 2 * labels, 1)
        assert all((copy == depth.plain).all() for copy in depth.copies)
    assert known.tolist() == [0] * labels + [1] * labels
    assert ranks.tolist() == [*range(labels)] * 2
    assert (test()[1] == tiny().images.labels[held]).all()
    assert {s.copies for s in settings} == {*augmentation.COPIES}


def test_without_transformation_the_probe_has_no_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmentation, "copied_features", None)
    assert augmentation.measure(cell("probe", "none"))["test"] > 0.5  # type: ignore[operator]


def test_each_draw_has_its_own_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    split = tiny().split(0)
    monkeypatch.setattr(Task, "split", lambda self, draw: split)
    few, again = (augmentation.copied_features("tiny", "noise", 1, 0, 0, 2) for _ in range(2))
    other = augmentation.copied_features("tiny", "noise", 1, 1, 0, 2)
    plain = augmentation.plain_features("tiny")
    for depth, copies in enumerate(few):
        assert (copies == again[depth]).all()
        assert (copies != other[depth]).any(axis=-1).all()
        assert (copies[0] != copies[1]).any(axis=-1).all()
        assert (copies != plain[depth][split[0][:, :2].ravel()]).any(axis=-1).all()


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_test_chooses_nothing(learner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = augmentation.measure(cell(learner))
    labels = tiny().images.labels.copy()
    test = tiny().split(0)[1]
    # Les mêmes images d'apprentissage ; au test, les étiquettes s'échangent.
    swapped = labels.copy()
    swapped[test] = 1 - swapped[test]
    split = tiny().split(0)
    monkeypatch.setattr(Task, "split", lambda self, draw: split)
    monkeypatch.setattr(augmentation, "find_task", lambda name: tiny(swapped))
    other = augmentation.measure(cell(learner))
    assert [*found] == [*STUDY.measures]
    assert other.pop("test") != found.pop("test")
    assert other == found


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_cell_is_the_same_twice_and_leaves_randomness_alone(learner: str) -> None:
    before = torch.get_rng_state()
    assert augmentation.measure(cell(learner)) == augmentation.measure(cell(learner))
    assert torch.equal(torch.get_rng_state(), before)
    other = augmentation.measure(cell(learner, draw=1))
    assert other["validation_loss"] != augmentation.measure(cell(learner))["validation_loss"]


def test_the_strength_is_chosen_by_validation() -> None:
    cells = [{**cell("probe", "rotation"), "level": level} for level in (1, 3)]
    rows = [
        {**cells[0], "validation_loss": 0.5, "test": 0.9},
        {**cells[1], "validation_loss": 0.4, "test": 0.1},
        {**cells[0], "draw": 1, "validation_loss": 0.5, "test": 0.7},
        {**cells[1], "draw": 1, "validation_loss": 0.5, "test": 0.8},
    ]
    found = augmentation.at_best_strength(pd.DataFrame(rows))
    key = ("tiny", "probe", "rotation", 5)
    assert len(found) == 2
    assert found.loc[(*key, 0), "test"] == 0.1
    assert found.loc[(*key, 0), "level"] == 3
    assert found.loc[(*key, 1), "level"] == 1  # à égalité, la plus petite force


def test_gains_compare_the_same_draw() -> None:
    tests = {("none", 0): 0.5, ("flip", 0): 0.7, ("none", 1): 0.6, ("flip", 1): 0.5}
    tests |= {("mix", 0): 0.4, ("flip", 2): 0.9}  # un tirage sans « none » ne se compare pas
    rows = [
        {**cell("probe", name, draw=draw), "validation_loss": 0.1, "test": test}
        for (name, draw), test in tests.items()
    ]
    found = augmentation.gains(pd.DataFrame(rows))
    assert found.index.get_level_values("draw").tolist() == [0, 1]
    assert np.allclose(found["flip"], [0.2, -0.1])
    assert np.isclose(found["mix"].iloc[0], -0.1)
    assert found["mix"].isna().tolist() == [False, True]
    assert {*found.columns} == {"flip", "mix"} < {*augmentation.NAMES}
