"""Répondre pour de nouvelles images : en texte, en CSV, en JSON."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photo_folder import FAST, run
from photos import classifier
from photos.images import read_image
from photos.request import MODEL
from reseaux.formatting import percent


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
    text = capsys.readouterr().out
    assert text.startswith("\ufeff")  # sans elle, un tableur lit mal les accents
    rows = list(csv.DictReader(io.StringIO(text[1:]), delimiter=";"))
    assert len(records) == len(rows) == len(lines) + 1 == 9
    for record, row, line in zip(records[:-1], rows, lines, strict=False):
        assert record["fichier"] == row["fichier"]
        assert record["classe"] == row["classe"]
        assert f"{record['probabilité']:.4f}".replace(".", ",") == row["probabilité"]
        chances = [percent(record[name], 0) for name in ("probabilité", "sa probabilité")]
        assert re.split(r" {2,}", line.strip()) == [
            record["fichier"], record["classe"], chances[0], f"{record['sinon']} ({chances[1]})"
        ]  # fmt: skip
        assert record["raison du refus"] is None
        assert record["probabilité"] >= record["sa probabilité"]
    assert records[-1]["raison du refus"] == rows[-1]["raison du refus"] == "ce n'est pas une image"
    assert records[-1]["classe"] is None
    assert run("predire", photos / "chat", "--modele", Path("ailleurs") / MODEL) == 0


def test_a_model_without_a_checksum_says_so(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Un modèle d'avant : lu, avec une phrase en français et rien d'autre."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    assert run("apprendre", photos, *FAST) == 0
    with safe_open(Path("resultats") / MODEL, framework="pt") as content:
        tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
        metadata = {"reseaux": content.metadata()["reseaux"]}
    save_file(tensors, "ancien.safetensors", metadata)
    capsys.readouterr()
    file = next(photos.glob("chat/*.png"))
    assert run("predire", file, "--modele", "ancien.safetensors") == 0
    said = capsys.readouterr()
    assert said.err.startswith("« ancien.safetensors » ne porte pas d'empreinte")
    assert "Warning" not in said.err
    assert "chat" in said.out


def test_dark_images_are_told(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("apprendre", photos, *FAST) == 0
    Image.fromarray(np.full((40, 40), 4095, np.uint16)).save("sombre.png")
    capsys.readouterr()
    assert run("predire", "sombre.png", "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)[0]["fichier"] == "sombre.png"
    assert "aucune valeur ne dépasse 4095, lues presque noires : sombre.png" in said.err


def test_new_images_are_read_as_those_that_were_learned(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Au même côté ; les fichiers cachés d'un dossier sont laissés."""
    assert run("apprendre", photos, "--taille", "40") == 0
    loaded = classifier.load(Path("resultats") / MODEL)
    files = sorted((photos / "chat").iterdir())
    (photos / "chat" / ".caché.png").write_bytes(files[0].read_bytes())
    squares = classifier.to_squares(read_image(file, square=40) for file in files)
    capsys.readouterr()
    assert run("predire", photos / "chat", "--json") == 0
    records = json.loads(capsys.readouterr().out)
    expected = loaded.probabilities(squares).max(axis=1)
    assert [record["probabilité"] for record in records] == pytest.approx(expected.tolist())


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_tie_is_answered_as_in_the_report(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Deux classes des mêmes images : le rapport et la réponse nomment la même, la première."""
    for folder in photos.iterdir():
        for k, file in enumerate(sorted(folder.iterdir())):
            Image.new("RGB", (40, 40), (60, 60, 60)).save(file.with_name(f"{k}.png"))
            file.unlink()
    assert run("apprendre", photos, *FAST) == 0
    report = (Path("resultats") / "fichiers.csv").read_text("utf-8-sig")
    tested = [row for row in csv.DictReader(io.StringIO(report), delimiter=";") if row["réponse"]]
    capsys.readouterr()
    assert run("predire", photos, "--json") == 0
    answers = {record["classe"] for record in json.loads(capsys.readouterr().out)}
    assert answers == {row["réponse"] for row in tested}
