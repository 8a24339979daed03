"""L'étude des idées : son plan, ses parts, et le test qui ne choisit rien."""

from itertools import combinations

import pytest
import torch

from experiments import ideas, rates
from experiments.ideas import learn, parts
from reseaux import data


def test_the_plan() -> None:
    plan = ideas.STUDY.plan
    sweep = [cell for cell in plan if cell["seed"] == rates.SWEPT]
    # Données, réseaux et changements, pas ; puis ceux qu'il a fallu ajouter au bord.
    assert len(sweep) == 2 * (6 + 4) * 3 + len(ideas.BEYOND)
    assert len(plan) == len(sweep) + 2 * len(ideas.CHOSEN)
    for key, rate in ideas.CHOSEN.items():
        assert rate in ideas.RATES[key]


def test_the_parts_share_no_picture_and_the_test_stays() -> None:
    first, second = (parts("mnist", seed) for seed in (0, 1))
    assert [len(part[1]) for part in first] == [3200, 800, 1000]
    assert abs(float(first[0][0].mean())) < 1e-4
    assert torch.equal(first[2][1], second[2][1])
    assert not torch.equal(first[0][1], second[0][1])
    images = torch.from_numpy(data.mnist().images).flatten(1)
    rows = []
    for images_of, _ in first:
        scale = images.max() / (images_of.max() - images_of.min())
        rows.append({tuple(x) for x in ((images_of - images_of.min()) * scale).flatten(1)
                     .mul(255).round().int().tolist()})  # fmt: skip
    assert all(not a & b for a, b in combinations(rows, 2))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ideas, "EPOCHS", {"mnist": 2, "cells": 2})


@pytest.mark.usefixtures("short")
def test_the_test_is_only_graded() -> None:
    generator = torch.Generator().manual_seed(0)
    draws = [torch.randn(40, 1, 28, 28, generator=generator) for _ in range(3)]
    known, held, test = ((x, torch.arange(40) % 10) for x in draws)
    cell: dict[str, str | int | float] = {
        "data": "mnist", "network": "vgg", "change": "base", "rate": 0.1, "seed": 0,
    }  # fmt: skip
    before = learn(cell, known, held, test)
    assert list(before) == [*ideas.STUDY.measures]
    after = learn(cell, known, held, (test[0], (test[1] + 1) % 10))
    assert {n for n in before if before[n] != after[n]} == {"test"}
    others = [{"change": change} for change in ideas.CHANGES if change != "base"]
    for other in [*others, {"network": "nin"}, {"rate": 0.01}, {"seed": 1}]:
        assert learn({**cell, **other}, known, held, test)["loss"] != before["loss"], other


def test_a_network_learns_the_cells_of_its_study() -> None:
    pytest.importorskip("elpv_dataset")
    assert [len(part[1]) for part in parts("cells", 0)] == [1574, 394, 656]
