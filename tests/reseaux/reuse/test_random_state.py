"""Le hasard remis en place : chaque source redonne les mêmes nombres."""

import io
import random

import numpy as np
import torch

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
