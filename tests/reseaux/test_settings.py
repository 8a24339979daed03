"""Les deux réglages : celui par défaut, celui qu'on demande, celui qui n'existe pas."""

import subprocess
import sys

import numpy as np
import pytest
import timm
import torch
import torchvision
from torchvision import models

from reseaux import settings
from reseaux.errors import ReseauxError
from reseaux.reuse import transfer, weights


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, "rapide"),
        ({settings.VARIABLE: ""}, "rapide"),
        ({settings.VARIABLE: "rapide"}, "rapide"),
        ({settings.VARIABLE: "complet"}, "complet"),
    ],
)
def test_the_variable_chooses(environment: dict[str, str], name: str) -> None:
    assert settings.current(environment).name == name


def test_the_process_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.VARIABLE, "complet")
    assert settings.current().name == "complet"
    monkeypatch.delenv(settings.VARIABLE)
    assert settings.current().name == "rapide"


@pytest.mark.parametrize("given", ["complette", "Rapid", "gpu"])
def test_an_unknown_setting_is_refused_in_french(given: str) -> None:
    message = f"« {given} » ne désigne pas un réglage de {settings.VARIABLE}"
    with pytest.raises(ReseauxError, match=f"{message}.*rapide, complet"):
        settings.current({settings.VARIABLE: given})


def test_the_nearest_name_is_offered() -> None:
    with pytest.raises(ReseauxError, match="Vouliez-vous dire « complet »"):
        settings.current({settings.VARIABLE: "Complette"})


def test_complete_asks_for_more_of_everything() -> None:
    fast, full = settings.SETTINGS["rapide"], settings.SETTINGS["complet"]
    assert (fast.downloads, full.downloads) == (False, True)
    assert full.size > fast.size > 0
    for attribute in ("size", "epochs"):
        assert getattr(full.photos, attribute) > getattr(fast.photos, attribute) > 0


def test_only_complete_takes_the_graphics_card(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for available in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        found[available] = [s.device.type for s in settings.SETTINGS.values()]
    assert found == {False: ["cpu", "cpu"], True: ["cpu", "cuda"]}


def test_every_network_is_known() -> None:
    names = {n for s in settings.SETTINGS.values() for n in (s.network, s.photos.network)}
    assert names <= {*weights.PACKAGED, *models.list_models(torchvision.models)}


@pytest.mark.parametrize(
    "name", sorted({n for s in settings.SETTINGS.values() for n in (s.network, s.photos.network)})
)
def test_the_preparation_is_that_of_the_network_whatever_the_setting(name: str) -> None:
    """Oracle : la moyenne et l'écart type que la bibliothèque du réseau publie avec ses poids."""
    if name in weights.PACKAGED:
        config = timm.get_pretrained_cfg(weights.PACKAGED[name].timm_name)
        mean, std = config.mean, config.std
    else:
        transforms = models.get_model_weights(name).DEFAULT.transforms()  # type: ignore[attr-defined]
        mean, std = transforms.mean, transforms.std
    grey = np.full((1, 8, 8), 0.25)
    prepared = transfer.prepare(weights.architecture(name), grey, 32)
    expected = [(0.25 - m) / s for m, s in zip(mean, std, strict=True)]
    assert prepared.mean(dim=(0, 2, 3)).tolist() == pytest.approx(expected, abs=1e-4)


def test_choosing_a_setting_does_not_load_torch() -> None:
    code = "import sys, reseaux.settings as s; s.current(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
