"""L'atlas : chaque méthode part du bon réseau, et le test ne choisit rien."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from experiments import atlas, depths, tasks
from experiments.tuning import Method, Recipe
from reseaux.data import LabeledImages
from reseaux.reuse import weights

SMALL = Recipe((1e-3, 1e-2), passes=60, epochs=(1, 4))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, glyphs: weights.Pretrained) -> None:
    """Le réseau des lettres à la place des autres ; une recette courte ; peu d'images."""
    real = tasks.TASKS["digits"].load(0)
    few = real.subset(np.concatenate([np.flatnonzero(real.labels == k)[:30] for k in range(10)]))
    digits = tasks.Task("chiffres", False, 32, 100, lambda _: few)
    monkeypatch.setitem(tasks.TASKS, "digits", digits)
    monkeypatch.setattr(tasks, "backbone", lambda name: glyphs)
    monkeypatch.setattr(atlas, "PRETRAINED", replace(SMALL, rates=()))
    monkeypatch.setattr(atlas, "SCRATCH", SMALL)
    monkeypatch.setitem(atlas.RATES, "glyphs", SMALL.rates)
    monkeypatch.setattr(atlas, "LAST_BLOCK", 3)


def cell(method: Method, **changes: Any) -> dict[str, Any]:
    base = {"task": "digits", "backbone": "glyphs", "method": method.value, "labels": 5, "draw": 0}
    return {**base, **changes}


@pytest.mark.parametrize("method", Method)
def test_every_method_measures(method: Method) -> None:
    found = atlas.measure(cell(method))
    assert list(found) == list(atlas.STUDY.measures)
    assert 0.1 < found["accuracy"] <= 1
    assert found["rate"] in SMALL.rates
    whole = {Method.LP_FT: 3, Method.LAST_BLOCKS: 3}
    assert found["depth"] == whole.get(method, found["depth"] if "cut" in method else -1)
    assert atlas.measure(cell(method)) == found


def test_another_task_and_other_rates_take_the_place_of_the_usual_ones() -> None:
    real = tasks.TASKS["digits"]
    larger = tasks.Task("chiffres", False, real.size, 60, real.load)
    rates = (2e-3, 4e-3)
    recipe = Recipe(rates, passes=60, epochs=(1, 4))
    found = atlas.tuned(cell(Method.FINE_TUNING), recipe, larger)
    assert found["rate"] in rates
    # 60 images au test au lieu de 100 : l'exactitude est un multiple d'un soixantième.
    assert found["accuracy"] * 60 == pytest.approx(round(found["accuracy"] * 60))
    assert found["accuracy"] != atlas.measure(cell(Method.FINE_TUNING))["accuracy"]


def test_starts_differ_as_their_names_say(glyphs: weights.Pretrained) -> None:
    task = tasks.TASKS["digits"]
    chosen = tasks.labelled(task, 5, 0)
    labels = tasks.images_of(task, 0).labels[chosen]
    starts = {m: atlas._start(cell(m), m, chosen, labels)[0] for m in Method}
    assert [m for m, s in starts.items() if s.head is None] == [Method.FINE_TUNING, Method.SCRATCH]
    assert [m for m, s in starts.items() if not s.frozen_statistics] == [Method.SCRATCH]
    assert {m: s.first_trained for m, s in starts.items() if s.first_trained} == {
        Method.LAST_BLOCKS: 3
    }
    weight = glyphs.model.state_dict()["features.0.0.weight"]
    for method, begin in starts.items():
        first = next(begin.pretrained.model.parameters())
        assert torch.equal(first, weight) == (method is not Method.SCRATCH)


def test_the_cut_follows_the_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Non la régularisation ; à égalité, la profondeur la plus lointaine."""
    told = iter([(0.1, 0.2), (0.01, 0.9), (0.001, 0.9), (0.1, 0.5)])
    monkeypatch.setattr(tasks, "choose_strength", lambda *_: next(told))
    task, method = tasks.TASKS["digits"], Method.LP_FT_CUT
    chosen = tasks.labelled(task, 5, 0)
    labels = tasks.images_of(task, 0).labels[chosen]
    assert atlas._start(cell(method), method, chosen, labels)[1] == 2


@pytest.mark.parametrize("method", Method)
def test_the_test_set_chooses_nothing(method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    task = tasks.TASKS["digits"]
    whole, split = tasks.images_of(task, 0), task.split(0)
    before = atlas.measure(cell(method))
    labels = whole.labels.copy()
    labels[split[1]] = np.roll(labels[split[1]], 1)
    images = whole.images.copy()
    images[split[1]] = images[split[1]][::-1]
    spoilt = LabeledImages(images, labels, whole.names)
    monkeypatch.setattr(tasks.Task, "split", lambda *_: split)
    monkeypatch.setattr(tasks, "images_of", lambda *_: spoilt)
    after = atlas.measure(cell(method))
    assert after["accuracy"] != before["accuracy"]
    for name in ("validation", "rate", "depth", "passes"):
        assert after[name] == before[name], name


def test_the_plan_pairs_its_methods() -> None:
    """Aux mêmes tirages : ce qui se compare, et les sondes de l'autre étude."""
    plan = atlas.STUDY.plan
    by = {(c["task"], c["backbone"], c["labels"], c["draw"]) for c in plan}
    probed = {(c["task"], c["backbone"], c["labels"], c["draw"]) for c in depths.STUDY.plan}
    assert by <= probed
    for method in (Method.FINE_TUNING, Method.LAST_BLOCKS, Method.LP_FT_CUT):
        for c in plan:
            if c["method"] == method:
                assert {**c, "method": "lp-ft"} in plan
    assert {c["draw"] for c in plan} == {*range(atlas.DRAWS)}


@pytest.mark.parametrize(
    ("backbone", "labels", "rates"),
    [("lite0", 5, "few"), ("lite0", 20, "many"), ("glyphs", 5, "glyphs"), ("glyphs", 20, "glyphs")],
)
def test_the_rates_to_try_suit_the_network_and_the_images(
    backbone: str, labels: int, rates: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def noted(start: object, images: object, labels: object, classes: int, recipe: Recipe, *_: Any):  # type: ignore[no-untyped-def]
        tried.append(recipe)
        raise KeyboardInterrupt

    monkeypatch.setattr(atlas.tuning, "tune", noted)
    with pytest.raises(KeyboardInterrupt):
        atlas.measure(cell(Method.FINE_TUNING, backbone=backbone, labels=labels))
    assert tried[0].rates == atlas.RATES[rates]
    assert tried[0].few == atlas.FEW
