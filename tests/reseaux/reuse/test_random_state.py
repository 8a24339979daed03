"""Le hasard remis en place : chaque source redonne les mêmes nombres."""

import io
import random
from typing import Any

import numpy as np
import pytest
import torch

from reseaux.errors import ReseauxError
from reseaux.reuse import random_state


def draw() -> list[float]:
    normal = float(np.random.standard_normal())  # en tire deux, garde le second
    return [float(torch.rand(())), normal, float(np.random.rand()), random.gauss(0, 1)]


def test_every_source_gives_the_same_numbers_again() -> None:
    draw()
    state = random_state.get()
    assert tuple(state) == random_state.SOURCES
    first = draw() + draw()
    assert draw() + draw() != first
    random_state.put_back(state)
    assert draw() + draw() == first


def test_the_state_is_read_back_without_running_code() -> None:
    stream = io.BytesIO()
    torch.save(random_state.get(), stream)
    first = draw()
    stream.seek(0)
    random_state.put_back(torch.load(stream, weights_only=True))
    assert draw() == first


@pytest.mark.parametrize(
    ("source", "odd"),
    [
        *(("torch", torch.zeros(3)), ("torch", None), ("cuda", 3), ("python", [3, [1], None])),
        *(("numpy", [torch.zeros(624, dtype=torch.int64), p, 0, 0.0]) for p in (-1, 625, 10**9)),
        *(("numpy", []), ("numpy", [torch.zeros(3), 1, 0, 0.0])),
    ],
)
def test_an_odd_state_changes_no_source(source: str, odd: object) -> None:
    other = random_state.get()
    draw()
    state = random_state.get()
    expected = draw()
    random_state.put_back(state)
    with pytest.raises(ReseauxError, match="est abîmé"):
        random_state.put_back({**other, source: odd})
    assert draw() == expected


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, "0", None])
def test_a_seed_that_is_none_is_refused(seed: Any) -> None:
    with pytest.raises(ReseauxError, match="« seed » vaut"), random_state.seeded(seed):
        pass


def test_a_missing_source_is_named() -> None:
    state = random_state.get()
    del state["numpy"]
    with pytest.raises(ReseauxError, match="« numpy » manque"):
        random_state.put_back(state)


class Cards:
    """Des cartes imaginaires : chacune a son état, que l'on relève et que l'on remet."""

    def __init__(self, count: int) -> None:
        self.states = [torch.tensor([k], dtype=torch.uint8) for k in range(count)]

    def get(self) -> list[torch.Tensor]:
        return [state.clone() for state in self.states]

    def put(self, states: list[torch.Tensor]) -> None:
        self.states = [state.clone() for state in states]

    def install(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch.cuda, "device_count", lambda: len(self.states))
        patch.setattr(torch.cuda, "get_rng_state_all", self.get)
        patch.setattr(torch.cuda, "set_rng_state_all", self.put)


def test_each_card_gives_its_numbers_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Le dropout d'un réseau posé sur une carte tire dans la source de cette carte."""
    cards = Cards(2)
    cards.install(monkeypatch)
    stream = io.BytesIO()
    torch.save(random_state.get(), stream)
    cards.put([torch.tensor([9], dtype=torch.uint8)] * 2)
    stream.seek(0)
    random_state.put_back(torch.load(stream, weights_only=True))
    assert [int(state) for state in cards.states] == [0, 1]


def test_other_cards_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deux états pour trois cartes : rien ne dit à laquelle va chacun."""
    Cards(2).install(monkeypatch)
    state = random_state.get()
    others = Cards(3)
    others.install(monkeypatch)
    random_state.put_back(state)
    assert [int(kept) for kept in others.states] == [0, 1, 2]
