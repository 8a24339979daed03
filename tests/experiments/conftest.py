"""Un petit réseau des lettres, une tâche dont la réponse est connue, une étude jouet."""

import sys
from pathlib import Path

import numpy as np
import pytest

import experiments
import toy_study
from experiments import __main__ as command
from experiments import glyph_network, running, study
from reseaux import data
from reseaux.reuse import weights


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
def bars() -> tuple[data.LabeledImages, data.LabeledImages]:
    """Une tâche dont la réponse est connue : la moitié gauche est claire, ou la droite."""
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 0.2, (60, 8, 8)).astype(np.float32)
    labels = np.arange(60) % 2
    images[labels == 0, :, :4] += 0.7
    images[labels == 1, :, 4:] += 0.7
    whole = data.LabeledImages(images, labels.astype(np.int64), ("gauche", "droite"))
    return whole.sample(15, seed=0)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fait de l'étude jouet la seule étude ; rend le dossier de ses résultats."""
    monkeypatch.setattr(study, "RESULTS", tmp_path / "résultats")
    for module in (experiments, command):
        monkeypatch.setattr(module, "STUDIES", ("jouet",))
    monkeypatch.setitem(sys.modules, "experiments.jouet", toy_study)
    monkeypatch.setenv(running.MEMORY, "")  # rendue à la fin, quoi qu'en fasse la commande
    return tmp_path / "résultats"
