"""Le meilleur pas : choisi sur la validation d'une graine, répété avec d'autres, appris jusqu'au
plat."""

from typing import Any

import pandas as pd
import pytest
import torch
from torch import nn

from experiments import degradation, ideas, rates, results
from experiments.rates import Part, at_best, best, finite, swept, train_at
from reseaux.errors import ReseauxError


def bars(count: int, seed: int) -> Part:
    """Une tâche facile : le haut est clair, ou le bas."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1, 4, 4, generator=generator)
    labels = torch.arange(count) % 2
    images[labels == 0, :, :2] += 1
    images[labels == 1, :, 2:] += 1
    return images, labels


PARTS = bars(64, 0), bars(40, 1), bars(40, 2)


def model() -> nn.Module:
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    return nn.Sequential(net, nn.Dropout(0.2)).apply(_zero)


def _zero(part: nn.Module) -> None:
    for weights in part.parameters(recurse=False):
        nn.init.zeros_(weights)


def learned(parts: tuple[Part, Part, Part] = PARTS, rate: float = 0.1, **options: int) -> tuple:
    generator = torch.Generator().manual_seed(3)
    return train_at(model(), parts, rate, options.pop("epochs", 6), generator, **options)


def test_an_easy_task_is_learned_the_same_twice_and_leaves_chance_alone() -> None:
    found, curve = learned()
    torch.manual_seed(5)
    net, before = model(), torch.get_rng_state()
    again = train_at(net, PARTS, 0.1, 6, torch.Generator().manual_seed(3))
    assert again == (found, curve)
    assert torch.equal(torch.get_rng_state(), before)
    assert [found[name] for name in rates.ERRORS] == [0, 0, 0]
    assert len(curve) == 6
    assert 0 < found["loss"] < 0.7


def test_without_patience_the_rate_falls_halfway_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[float] = []
    true_step = torch.optim.SGD.step

    def step(self: torch.optim.SGD) -> None:
        seen.append(self.param_groups[0]["lr"])
        true_step(self)

    monkeypatch.setattr(torch.optim.SGD, "step", step)
    learned()
    assert seen[::2] == pytest.approx([0.1, 0.1, 0.1, 0.01, 0.01, 0.001])


def test_a_flat_curve_stops() -> None:
    chance = torch.Generator().manual_seed(0)
    shuffled = (PARTS[0][0], PARTS[0][1][torch.randperm(64, generator=chance)])
    _, curve = learned((shuffled, *PARTS[1:]), 1e-6, epochs=40, patience=3)
    assert len(curve) == 1 + 2 * 4  # rien ne baisse : deux fois la patience, plus une
    _, curve = learned(rate=0.02, epochs=5, patience=3)
    assert len(curve) == 5


def test_a_diverging_run_counts_as_all_wrong() -> None:
    found, curve = learned(rate=1e38)
    assert [found[name] for name in rates.ERRORS] == [1, 1, 1]
    assert found["loss"] == rates.DIVERGED
    assert curve[-1] == 1


def test_another_trouble_is_told() -> None:
    with pytest.raises(ReseauxError, match="étiquettes"):
        learned((PARTS[0], (PARTS[1][0], PARTS[1][1][:5]), PARTS[2]))


@pytest.mark.parametrize("changed", [1, 2])
def test_what_is_held_out_is_only_graded(changed: int) -> None:
    before, _ = learned()
    parts = list(PARTS)
    parts[changed] = (parts[changed][0], 1 - parts[changed][1])
    after, _ = learned(tuple(parts))
    assert {n for n in before if before[n] != after[n]} == {rates.ERRORS[changed]}


def test_a_number_without_end_is_marked() -> None:
    assert [finite(v) for v in (0.5, float("inf"), float("nan"))] == [0.5, -1, -1]


def test_the_plan_sweeps_then_repeats() -> None:
    settings = [{"net": "a"}, {"net": "b"}]
    tried = {("a",): (0.1, 0.3), ("b",): (0.01, 0.1)}
    plan = swept(settings, tried, {("b",): 0.1})
    assert [(c["net"], c["rate"], c["seed"]) for c in plan] == [
        ("a", 0.1, 0),
        ("b", 0.01, 0),
        ("a", 0.3, 0),
        ("b", 0.1, 0),
        ("b", 0.1, 1),
        ("b", 0.1, 2),
    ]


TABLE = pd.DataFrame(
    [
        ("a", 0.1, 0, 0.5, 0.1),
        ("a", 0.3, 0, 0.2, 0.9),
        ("a", 0.3, 1, 0.9, 0.9),
        ("a", 0.1, 1, 0.0, 0.0),
        ("b", 0.3, 0, 0.4, 0.0),
        ("b", 0.1, 0, 0.4, 0.9),
    ],
    columns=["net", "rate", "seed", "validation", "test"],
)


def test_the_best_rate_is_that_of_the_validation_of_the_first_seed() -> None:
    assert best(TABLE, ["net"]) == {("a",): 0.3, ("b",): 0.1}
    assert best(TABLE.assign(test=range(6)), ["net"]) == best(TABLE, ["net"])
    kept = at_best(TABLE, ["net"])
    assert list(kept.index) == [1, 2, 5]


@pytest.mark.parametrize("study", [degradation, ideas], ids=["degradation", "ideas"])
def test_the_chosen_rates_are_those_of_the_results(study: Any) -> None:
    table = results.load(study.STUDY)
    found = best(table, study.SETTING)
    counted = table[table["seed"] == rates.SWEPT].groupby(list(study.SETTING)).size()
    for key, rate in study.CHOSEN.items():
        assert counted[key] == len(study.RATES[key])
        assert found[key] == rate
