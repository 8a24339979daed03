"""Apprendre : le réseau demandé, ou celui qui est livré ; la profondeur choisie."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from photo_folder import FAST, SOURCES, file_rows, run
from photos import classifier
from photos.images import read_image
from photos.request import MODEL
from reseaux.formatting import percent
from reseaux.reuse import transfer, weights

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
    assert asked[0] == (LARGE, {"fallback": True})
    assert f"Poids de « {LARGE} » absents." in capsys.readouterr().out
    assert '"network": "efficientnet-lite0"' in (Path("resultats") / MODEL).read_bytes()[
        :2000
    ].decode("utf-8", "replace").replace('\\"', '"')


def test_a_probe_is_read_where_it_answers_best(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """La profondeur écrite est celle de ``choose_depth`` sur l'entraînement seul."""
    assert run("apprendre", photos, *FAST) == 0
    said = capsys.readouterr().out
    train = [row for row in file_rows(Path("resultats")) if row["usage"] == "entraînement"]
    squares = classifier.to_squares(
        [read_image(photos / row["fichier"], square=32) for row in train]
    )
    labels = np.array([sorted(SOURCES).index(row["classe"]) for row in train])
    net = weights.load()
    prepared = transfer.prepare(net, squares / 255, 32)
    vectors = transfer.extract_features(net.model, prepared)
    best, scores = transfer.choose_depth(vectors, labels, seed=0)
    assert f"profondeur {best} (" in said
    assert f"y donne {percent(scores[best])}" in said


def test_a_probe_of_single_images_has_a_default_depth(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in photos.glob("*/*[2-7].png"):
        file.unlink()
    assert run("apprendre", photos, *FAST) == 0
    assert "profondeur 6 (« bloc 6 », par défaut : trop peu d'images" in capsys.readouterr().out
