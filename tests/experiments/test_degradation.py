"""L'étude de la dégradation : son plan, ce qu'elle mesure, et le test qui ne choisit rien."""

import math
from itertools import combinations

import pytest
import torch
from torch.nn import functional as F

from experiments import degradation, rates
from experiments.degradation import flat_from, learn, parts, stage_gradients
from experiments.miniatures import stack, started


def test_the_plan() -> None:
    plan = degradation.STUDY.plan
    sweep = [cell for cell in plan if cell["seed"] == rates.SWEPT]
    assert len(sweep) == 5 * 2 + 6 + 5 * 3 + 8  # deux pas ou plus, avec puis sans normalisation
    assert len(plan) == len(sweep) + 2 * len(degradation.CHOSEN)
    for key, rate in degradation.CHOSEN.items():
        assert rate in degradation.RATES[key]


def test_the_parts_share_no_picture() -> None:
    found = [part[0].flatten(1) for part in parts(1)]
    assert [len(part) for part in found] == [1000, 300, 497]
    rows = [{tuple(image.tolist()) for image in part} for part in found]
    assert all(not a & b for a, b in combinations(rows, 2))
    assert abs(float(found[0].mean())) < 1e-4
    assert float(found[0].std()) == pytest.approx(1, abs=1e-3)
    assert not torch.equal(parts(0)[0][0], parts(1)[0][0])


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(degradation, "EPOCHS", 2)
    monkeypatch.setattr(degradation, "MIDDLE", 1)


CELL: dict[str, str | int | float] = {
    "normalized": 1, "depth": 8, "shortcut": 0, "rate": 0.1, "seed": 0,
}  # fmt: skip


@pytest.mark.usefixtures("short")
def test_the_test_is_only_graded() -> None:
    whole = [(x[::10], y[::10]) for x, y in parts(0)]  # les images sont rangées par classe
    known, held, test = whole
    before = learn(CELL, known, held, test)
    assert list(before) == [*degradation.STUDY.measures]
    assert before["epochs"] == 2
    assert before["epoch_001"] != before["epoch_002"] == before["epoch_240"]
    assert before["first_middle"] != before["first_end"] != before["first_start"]
    after = learn(CELL, known, held, (test[0], (test[1] + 1) % 10))
    assert {n for n in before if before[n] != after[n]} == {"test"}
    for name, other in (("shortcut", 1), ("normalized", 0), ("rate", 0.2), ("seed", 1)):
        assert learn({**CELL, name: other}, *whole)["loss"] != before["loss"], name


def test_the_gradients_are_those_of_the_stages() -> None:
    model = started(stack(14, False, True, 10), 0)
    images, labels = (t[:40] for t in parts(0)[0])
    before = [t.clone() for t in model.state_dict().values()]
    found = stage_gradients(model, images, labels)
    for old, new in zip(before, model.state_dict().values(), strict=True):
        assert torch.equal(old, new)
    F.cross_entropy(model.train()(images), labels).backward()
    by_stage = {
        width: [
            float(p.grad.norm()) for p in model[3:].parameters() if p.ndim == 4 and len(p) == width
        ]
        for width in (8, 32)
    }
    assert [len(norms) for norms in by_stage.values()] == [4, 4]
    assert found == pytest.approx([sum(norms) / 4 for norms in by_stage.values()], rel=1e-5)


@pytest.mark.parametrize(
    ("errors", "epoch"),
    [([0.5], 1), ([0.9, 0.5, 0.101, 0.1], 3), ([0.1, 0.1], 1), ([0.1, 0.9, 0.1], 3)],
)
def test_a_curve_is_flat_from(errors: list[float], epoch: int) -> None:
    assert flat_from(errors) == epoch


def test_what_diverges_has_no_gradient() -> None:
    model = started(stack(8, False, False, 10), 0)
    with torch.no_grad():
        model[0].weight.fill_(math.nan)
    assert stage_gradients(model, torch.ones(2, 1, 8, 8), torch.tensor([0, 1])) == (-1, -1)
