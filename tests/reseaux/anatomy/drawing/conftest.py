"""Chaque réseau n'est dessiné qu'une fois."""

import pytest

import reseaux
from drawings import summarize


@pytest.fixture(scope="session")
def drawn():
    """Dessine chaque réseau une fois."""
    made = {}

    def get(name):
        if name not in made:
            summary = summarize(name)
            made[name] = (summary, reseaux.draw(summary))
        return made[name]

    return get
