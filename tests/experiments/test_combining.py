"""L'étude de la combinaison : ce que chaque méthode apprend, et un test qui ne choisit rien."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from experiments import combining
from experiments.combining import SETTINGS, STUDY, Set
from experiments.study import Cell

METHODS = ("alone", "joined", "mixed", "pretrained")


def stripes(classes: int, each: int, first: int = 0, seed: int = 0) -> Set:
    """Des images dont une ligne est claire : son numéro est la classe."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(classes).repeat_interleave(each)
    images = 0.3 * torch.rand(len(labels), 1, 16, 16, generator=generator)
    images[torch.arange(len(labels)), 0, labels] += 0.7
    return Set(images, labels + first)


TARGET, RELATED, OTHER = stripes(10, 40), stripes(10, 30, seed=1), stripes(4, 30, 10, seed=2)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(combining, "find_target", lambda: TARGET)
    monkeypatch.setattr(
        combining, "find_other", lambda name: RELATED if name == "digits" else OTHER
    )
    monkeypatch.setattr(combining, "TEST", 100)
    monkeypatch.setattr(combining, "STEPS", 12)
    monkeypatch.setattr(combining, "BEFORE", 40)
    return


def cell(method: str, other: str = "letters", labels: int = 2, draw: int = 0) -> Cell:
    return {
        "method": method,
        "other": "none" if method == "alone" else other,
        "labels": labels,
        "draw": draw,
    }


def test_the_plan_tries_every_method_with_every_set() -> None:
    assert len({STUDY.key(c) for c in STUDY.plan}) == len(STUDY.plan) == 150
    assert {(c["method"], c["other"]) for c in STUDY.plan} == {("alone", "none")} | {
        (method, other) for method in METHODS[1:] for other in ("digits", "letters", "fragments")
    }
    assert {c["labels"] for c in STUDY.plan} == {2, 5, 20}
    assert {c["draw"] for c in STUDY.plan} == {*range(5)}
    assert {*SETTINGS} == {*METHODS}


def test_the_other_sets_have_the_classes_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for name, first, last in (("digits", 0, 9), ("letters", 10, 35), ("fragments", 10, 22)):
        images, labels = combining.find_other(name)
        assert images.shape == (len(labels), 1, 16, 16)
        assert labels.unique().tolist() == [*range(first, last + 1)]
        assert 0 <= images.min() < images.max() <= 1


def test_a_draw_separates_what_it_labels_from_its_test() -> None:
    ranked, test = combining.split(0)
    assert (TARGET.labels[ranked] == torch.arange(10)[:, None]).all()
    assert ranked.shape == (10, 20)
    assert len(np.union1d(ranked, test)) == 200 + 100
    assert (combining.split(1)[0] != ranked).any()


@pytest.mark.parametrize(("other", "outputs"), [(None, 10), (RELATED, 10), (OTHER, 14)])
def test_the_start_has_one_output_per_class(other: Set | None, outputs: int) -> None:
    start = combining.small_start("joined", other, 0)
    assert start(TARGET.images[:2]).shape == (2, outputs)
    same = combining.small_start("mixed", other, 0)
    assert all(map(torch.equal, start.parameters(), same.parameters()))


def test_pretraining_learns_the_other_set_and_changes_a_foreign_head() -> None:
    kept = combining.small_start("pretrained", RELATED, 0)
    assert (kept(RELATED.images).argmax(1) == RELATED.labels).double().mean() > 0.8
    new = combining.small_start("pretrained", OTHER, 0)
    blank = combining.small_start("joined", OTHER, 0)
    assert new(TARGET.images[:2]).shape == (2, 10)
    assert not torch.equal(next(new.parameters()), next(blank.parameters()))


def losses(method: str, setting: float, other: Set | None) -> tuple[float, float]:
    """La perte d'un réseau appris, sur les images étiquetées et sur l'autre ensemble."""
    start = combining.small_start(method, other, 0)
    network = combining.learn(method, TARGET, other, start, setting, 0)
    with torch.inference_mode():
        found = [float(F.cross_entropy(network(s.images), s.labels)) for s in (TARGET, OTHER)]
    return found[0], found[1]


def test_a_heavier_set_is_better_learnt() -> None:
    light, heavy = (losses("joined", weight, OTHER) for weight in (0.01, 3.0))
    assert heavy[1] < light[1] - 0.5


def test_mixing_learns_the_labels_in_the_proportions_of_the_images() -> None:
    none, half = (losses("mixed", share, OTHER) for share in (1e-9, 1.0))
    assert half[1] < none[1] - 0.5
    assert half[0] < none[0] + 0.5


def test_learning_alone_ignores_the_other_set_and_keeps_its_start() -> None:
    start = combining.small_start("alone", None, 0)
    before = [p.clone() for p in start.parameters()]
    slow, fast = (combining.learn("alone", TARGET, None, start, rate, 0) for rate in (1e-6, 1e-2))
    assert all(map(torch.equal, start.parameters(), before))
    x, y = TARGET
    assert F.cross_entropy(fast(x), y) < F.cross_entropy(slow(x), y) - 0.5


def test_the_setting_is_the_one_of_least_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Un réseau qui sait la réponse à un seul réglage, et note ce qu'on lui donne."""
    given = []

    class Oracle(nn.Module):
        def __init__(self, knows: bool) -> None:
            super().__init__()
            self.knows = knows

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            rows = images[:, 0].mean(2)[:, :10]
            return 50 * rows if self.knows else 0 * rows

    def learn(method: str, known: Set, other: Set, start: nn.Module, s: float, seed: int) -> Oracle:
        given.append((s, known.labels.bincount(minlength=10).tolist()))
        return Oracle(s == 0.3)

    monkeypatch.setattr(combining, "learn", learn)
    found = combining.measure(cell("joined", labels=5))
    assert found["setting"] == 0.3
    assert found["test"] == found["validation"] == 1
    # Des parts où chaque classe est ; puis tout, au réglage choisi.
    *tried, last = given
    assert last == (0.3, [5] * 10)
    folds = combining.FOLDS
    sizes = [5 - len(range(part, 5, folds)) for part in range(folds)]
    assert tried == [(s, [size] * 10) for s in SETTINGS["joined"] for size in sizes]


@pytest.mark.parametrize("method", METHODS)
def test_the_test_chooses_nothing(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = dict(combining.measure(cell(method)))
    ranked, test = combining.split(0)
    labels = TARGET.labels.clone()
    labels[test] = labels[test].roll(1) + 1
    labels[labels == 10] = 0
    monkeypatch.setattr(combining, "split", lambda draw: (ranked, test))
    monkeypatch.setattr(combining, "find_target", lambda: Set(TARGET.images, labels))
    other = dict(combining.measure(cell(method)))
    assert [*found] == [*STUDY.measures]
    assert other.pop("test") != found.pop("test")
    assert other == found


@pytest.mark.parametrize("method", METHODS)
def test_a_cell_is_the_same_twice_and_leaves_randomness_alone(method: str) -> None:
    before = torch.get_rng_state()
    found = combining.measure(cell(method))
    assert combining.measure(cell(method)) == found
    assert combining.measure(cell(method, draw=1))["validation_loss"] != found["validation_loss"]
    assert torch.equal(torch.get_rng_state(), before)
