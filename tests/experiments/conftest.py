"""Un petit réseau des lettres, une tâche dont la réponse est connue, leur comparaison."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import experiments
import toy_study
from experiments import __main__ as command
from experiments import glyph_network, running, study
from experiments.comparison import Comparison, StartingPoint, Task, compare
from experiments.following import Regime, Run, follow
from experiments.recipes import Recipe
from reseaux import data
from reseaux.reuse import transfer, weights


@pytest.fixture(scope="session")
def net() -> weights.Pretrained:
    return weights.load()


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lettres") / "lettres.pt"
    glyph_network.learn(path, ("latin",), epochs=2, width=4)
    return path


@pytest.fixture(scope="session")
def glyphs(saved: Path) -> weights.Pretrained:
    return glyph_network.load(saved)


@pytest.fixture(scope="session")
def bars() -> Task:
    """Une tâche dont la réponse est connue : la moitié gauche est claire, ou la droite."""
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 0.2, (60, 8, 8)).astype(np.float32)
    labels = np.arange(60) % 2
    images[labels == 0, :, :4] += 0.7
    images[labels == 1, :, 4:] += 0.7
    whole = data.LabeledImages(images, labels.astype(np.int64), ("gauche", "droite"))
    return whole.sample(15, seed=0)


@pytest.fixture(scope="session")
def start(glyphs: weights.Pretrained) -> StartingPoint:
    recipe = Recipe(1e-2, min_steps=12, min_epochs=1)
    return StartingPoint(glyphs, 32, recipe._replace(depth=2), recipe)


@pytest.fixture(scope="session")
def comparison(bars: Task, start: StartingPoint) -> Comparison:
    return compare({"barres": bars}, {"lettres": start}, labels=(2, 6), seeds=2)


@pytest.fixture(scope="session")
def runs(bars: Task, glyphs: weights.Pretrained) -> dict[Regime, Run]:
    known, held = (
        (transfer.prepare(glyphs, part, 32), torch.from_numpy(part.labels)) for part in bars
    )
    recipe = Recipe(1e-2, min_steps=8, min_epochs=4)
    return {regime: follow(glyphs, known, held, 2, regime, recipe) for regime in Regime}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fait de l'étude jouet la seule étude ; rend le dossier de ses résultats."""
    monkeypatch.setattr(study, "RESULTS", tmp_path / "résultats")
    for module in (experiments, command):
        monkeypatch.setattr(module, "STUDIES", ("jouet",))
    monkeypatch.setitem(sys.modules, "experiments.jouet", toy_study)
    monkeypatch.setenv(running.MEMORY, "")  # rendue à la fin, quoi qu'en fasse la commande
    return tmp_path / "résultats"
