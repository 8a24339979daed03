"""La répétition d'une reprise : tout état juste passe, sans rien changer ; les autres, non."""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from reseaux.errors import ReseauxError
from reseaux.reuse.rehearsal import rehearse

Optimizer = torch.optim.Optimizer
OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adafactor": torch.optim.Adafactor,
    "tensor": lambda p: torch.optim.Adam(p, lr=torch.tensor(0.1)),
}
SCHEDULERS: dict[str, Callable[[Optimizer], Any]] = {
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 4),
    "step": lambda o: lr_scheduler.StepLR(o, 2),
    "milestones": lambda o: lr_scheduler.MultiStepLR(o, [1, 3]),
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.9**epoch),
    "plateau": lr_scheduler.ReduceLROnPlateau,
    "chain": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)]
    ),
    "finished": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=2, cycle_momentum=False),
    "sequence": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o), lr_scheduler.ExponentialLR(o, 0.9)], [2]
    ),
}


def prepared(optimizer: str, scheduler: str, steps: int) -> tuple[Optimizer, Any]:
    """Un optimiseur et un planificateur qui ont fait quelques pas."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    tool = OPTIMIZERS[optimizer](model.parameters())
    plan = SCHEDULERS[scheduler](tool)

    def loss() -> torch.Tensor:
        tool.zero_grad()
        value = model(torch.ones(2, 3)).square().sum()
        value.backward()
        return value

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(steps):
            tool.step(loss)
            plan.step(*[0.0] * (scheduler == "plateau"))
    return tool, plan


def state_of(tool: Optimizer, plan: Any) -> dict[str, Any]:
    return copy.deepcopy({"optimizer": tool.state_dict(), "scheduler": plan.state_dict()})


@pytest.mark.parametrize(
    ("optimizer", "scheduler"),
    [*((name, "cosine") for name in OPTIMIZERS), *(("adam", name) for name in SCHEDULERS)],
)
def test_a_good_state_passes_and_nothing_moves(optimizer: str, scheduler: str) -> None:
    state = state_of(*prepared(optimizer, scheduler, 2))
    kept = copy.deepcopy(state)
    fresh = prepared(optimizer, scheduler, 0)
    before = state_of(*fresh)
    weights = [p.detach().clone() for group in fresh[0].param_groups for p in group["params"]]
    rehearse(state, *fresh, None)
    after = [p for group in fresh[0].param_groups for p in group["params"]]
    assert all(torch.equal(a, b) for a, b in zip(weights, after, strict=True))
    assert all(p.grad is None for p in after)
    for ours, theirs in ((state, kept), (state_of(*fresh), before)):
        assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("other", ["sgd", "rmsprop"])
def test_another_optimizer_is_refused(other: str) -> None:
    state = state_of(*prepared("adam", "cosine", 2))
    with pytest.raises(ReseauxError, match="un autre optimiseur"):
        rehearse(state, *prepared(other, "cosine", 0), None)


def test_other_parameters_are_refused() -> None:
    state = state_of(*prepared("adam", "cosine", 2))
    with pytest.raises(ReseauxError, match="d'autres paramètres"):
        rehearse(state, torch.optim.Adam(nn.Linear(3, 4).parameters()), None, None)


@pytest.mark.parametrize("other", ["step", "plateau", "milestones"])
def test_another_scheduler_is_refused(other: str) -> None:
    state = state_of(*prepared("adam", "cosine", 2))
    with pytest.raises(ReseauxError, match="un autre planificateur"):
        rehearse(state, *prepared("adam", other, 0), None)


@pytest.mark.parametrize(
    ("key", "value"),
    [("exp_avg", torch.full((4, 3), torch.nan)), ("exp_avg_sq", -torch.ones(4, 3))],
)
def test_a_state_that_gives_nan_is_refused(key: str, value: torch.Tensor) -> None:
    state = state_of(*prepared("adam", "cosine", 2))
    state["optimizer"]["state"][0][key] = value
    with pytest.raises(ReseauxError, match="infinis ou indéfinis"):
        rehearse(state, *prepared("adam", "cosine", 0), None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("T_max", torch.inf),
        ("eta_min", torch.nan),
        ("T_max", 0),
        ("base_lrs", []),
        ("last_epoch", None),
    ],
)
def test_a_scheduler_that_could_not_go_on_is_refused(key: str, value: Any) -> None:
    state = state_of(*prepared("adam", "cosine", 2))
    state["scheduler"][key] = value
    with pytest.raises((ReseauxError, ZeroDivisionError)):
        rehearse(state, *prepared("adam", "cosine", 0), None)
    del state["scheduler"][key]
    if key == "last_epoch":  # sans elle, le planificateur repartirait du début sans rien dire
        with pytest.raises(ReseauxError, match="un autre planificateur"):
            rehearse(state, *prepared("adam", "cosine", 0), None)
