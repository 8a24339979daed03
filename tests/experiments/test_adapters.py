"""Les adaptateurs : rien ne change au départ, eux seuls apprennent, le test ne choisit rien."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from experiments import adapters, tasks
from experiments.adapters import Method
from experiments.tuning import Recipe
from reseaux.data import LabeledImages
from reseaux.reuse import weights


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Peu d'images, une époque, deux pas."""
    real = tasks.TASKS["digits"].load(0)
    few = real.subset(np.concatenate([np.flatnonzero(real.labels == k)[:12] for k in range(10)]))
    digits = tasks.Task("chiffres", False, 32, 40, lambda _: few)
    monkeypatch.setitem(tasks.TASKS, "digits", digits)
    monkeypatch.setattr(adapters, "RECIPE", Recipe((), 1, (1, 1), batch_size=25, folds=2, few=0))
    monkeypatch.setattr(adapters, "EPOCHS", dict.fromkeys(adapters.RATES, 1))
    monkeypatch.setattr(adapters, "RATES", dict.fromkeys(adapters.RATES, (1e-4, 1e-3)))


def cell(method: Method, **changes: Any) -> dict[str, Any]:
    rank = 2 if method is Method.LOW_RANK else 0
    base = {"task": "digits", "method": method.value, "rank": rank, "labels": 5, "draw": 0}
    return {**base, **changes}


def test_a_correction_starts_at_nothing_and_has_its_rank() -> None:
    conv = nn.Conv2d(6, 10, 1)
    wrapped = adapters.LowRank(conv, 3)
    x = torch.randn(2, 6, 4, 4)
    assert torch.equal(wrapped(x), conv(x))
    with torch.no_grad():
        wrapped.up.weight.normal_()
        change = wrapped(x) - conv(x)
        product = wrapped.up.weight[:, :, 0, 0] @ wrapped.down.weight[:, :, 0, 0]
    assert torch.linalg.matrix_rank(product) == 3
    expected = torch.einsum("oi,nihw->nohw", product, x)
    torch.testing.assert_close(change, expected)


def test_only_the_corrections_and_the_head_learn(net: weights.Pretrained) -> None:
    model = copy.deepcopy(net.model)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        before = model(x)
        learnt = adapters.adapt(model, 4, seed=0)
        assert torch.equal(model(x), before)
    convs = [m for m in net.model.modules() if isinstance(m, nn.Conv2d)]
    ones = [m for m in convs if m.kernel_size == (1, 1)]
    corrections = sum(4 * (m.in_channels + m.out_channels) for m in ones)
    assert sum(p.numel() for p in learnt) == corrections + 1280 * 1000 + 1000
    assert {id(p) for p in learnt} == {id(p) for p in model.parameters() if p.requires_grad}


def test_the_seed_draws_the_corrections_and_nothing_else(net: weights.Pretrained) -> None:
    def first(seed: int) -> torch.Tensor:
        return adapters.adapt(copy.deepcopy(net.model), 1, seed)[0].detach()

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    same = first(0), first(0), first(1)
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(same[0], same[1])
    assert not torch.equal(same[0], same[2])


@pytest.mark.parametrize("method", Method)
def test_the_test_set_chooses_nothing(
    method: Method, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = tasks.TASKS["digits"]
    whole, split = tasks.images_of(task, 0), task.split(0)
    before = adapters.measure(cell(method))
    assert list(before) == list(adapters.STUDY.measures)
    images, labels = whole.images.copy(), whole.labels.copy()
    images[split[1]] = images[split[1]][::-1]
    labels[split[1]] = np.roll(labels[split[1]], 7)
    spoilt = LabeledImages(images, labels, whole.names)
    monkeypatch.setattr(tasks.Task, "split", lambda *_: split)
    monkeypatch.setattr(tasks, "images_of", lambda *_: spoilt)
    after = adapters.measure(cell(method))
    assert after["accuracy"] != before["accuracy"]
    for name in ("validation", "rate", "learnt"):
        assert after[name] == before[name], name


def test_each_method_learns_what_it_says(small: None, net: weights.Pretrained) -> None:
    learnt = {method: adapters.measure(cell(method))["learnt"] for method in Method}
    head = 10 * 1280 + 10
    assert learnt[Method.PROBE] == head
    assert head < learnt[Method.LOW_RANK] < 6 * head
    body = sum(p.numel() for p in net.model.parameters()) - 1000 * 1280 - 1000
    assert learnt[Method.WHOLE] == body + head


def test_the_plan_pairs_its_methods() -> None:
    plan = adapters.STUDY.plan
    for task in adapters.TASKS:
        for draw in range(adapters.DRAWS):
            found = {c["method"] for c in plan if c["task"] == task and c["draw"] == draw}
            assert found == {m.value for m in Method}
    assert all(bool(c["rank"]) == (c["method"] == Method.LOW_RANK) for c in plan)
    assert {c["rank"] for c in plan if c["task"] == "digits"} == {0, *adapters.RANKS}
