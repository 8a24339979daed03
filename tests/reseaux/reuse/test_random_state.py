"""Le hasard remis en place : chaque source redonne les mêmes nombres."""

import io
import random

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


def test_a_missing_source_is_named() -> None:
    state = random_state.get()
    del state["numpy"]
    with pytest.raises(ReseauxError, match="« numpy » manque"):
        random_state.put_back(state)
