"""Répondre pour de nouvelles images : en texte, en CSV, en JSON."""

import csv
import io
import json
from pathlib import Path

import pytest

from photo_folder import FAST, run
from photos.request import MODEL


def test_a_folder_can_be_predicted_and_refusals_are_named(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("apprendre", photos, *FAST) == 0
    (photos / "chat" / "notes.txt").write_text("pas une image")
    capsys.readouterr()
    assert run("predire", photos / "chat", "absente.png") == 0
    told = capsys.readouterr()
    assert told.out.count("photo n°") == 8
    assert "notes.txt" in told.err
    assert "absente.png" in told.err
    assert "ce fichier n'existe pas" in told.err
    assert run("predire", "absente.png") == 1
    assert "Aucune image" in capsys.readouterr().err


def test_the_same_answers_in_every_format(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("apprendre", photos, *FAST, "--sortie", "ailleurs") == 0
    assert "reseaux predire --modele ailleurs IMAGE" in capsys.readouterr().out
    (photos / "chat" / "notes.txt").write_text("pas une image")
    words = ("predire", photos / "chat", "--modele", "ailleurs")
    assert run(*words) == 0
    lines = capsys.readouterr().out.splitlines()[3:]
    assert run(*words, "--json") == 0
    said = capsys.readouterr()
    records = json.loads(said.out)
    assert "notes.txt" in said.err
    assert run(*words, "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out), delimiter=";"))
    assert len(records) == len(rows) == len(lines) + 1 == 9
    for record, row, line in zip(records[:-1], rows, lines, strict=False):
        assert record["fichier"] == row["fichier"]
        assert record["classe"] == row["classe"]
        assert f"{record['probabilité']:.4f}".replace(".", ",") == row["probabilité"]
        assert record["fichier"] in line
        assert record["classe"] in line
        assert record["raison du refus"] is None
    assert records[-1]["raison du refus"] == rows[-1]["raison du refus"] == "ce n'est pas une image"
    assert records[-1]["classe"] is None
    assert run("predire", photos / "chat", "--modele", Path("ailleurs") / MODEL) == 0
