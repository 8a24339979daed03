"""Apprendre : le réseau demandé, ou celui qui est livré ; la profondeur choisie."""

import warnings
from pathlib import Path

import pytest

from photo_folder import FAST, run
from photos.request import MODEL
from reseaux.reuse import weights

LARGE = "efficientnet_v2_s"


def test_complete_falls_back_in_french(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, asked = weights.load, []

    def load(name: str = "efficientnet-lite0", **options: object) -> weights.Pretrained:
        asked.append((name, options))
        if name != "efficientnet-lite0":
            warnings.warn(f"Poids de « {name} » absents.", stacklevel=2)
        return real("efficientnet-lite0")

    monkeypatch.setattr(weights, "load", load)
    assert run("apprendre", photos, *FAST, "--reglage", "complet") == 0
    assert asked[0] == (LARGE, {"fallback": "efficientnet-lite0"})
    assert f"Poids de « {LARGE} » absents." in capsys.readouterr().out
    assert '"network": "efficientnet-lite0"' in (Path("resultats") / MODEL).read_bytes()[
        :2000
    ].decode("utf-8", "replace").replace('\\"', '"')
