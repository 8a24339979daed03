"""Entraînement et test : tirés au hasard, ou déjà partagés."""

import os
import shutil
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from photo_folder import FAST, crops, file_rows, run
from photos import dataset
from photos.arguments import parse, read_request
from reseaux.errors import ReseauxError


def test_split_is_stratified() -> None:
    labels = np.repeat([0, 1, 2, 3], [40, 9, 2, 1])
    train, test = dataset.split(labels, 0.25, seed=0)
    assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(52))
    assert np.bincount(labels[test], minlength=4).tolist() == [10, 2, 1, 0]
    again = dataset.split(labels, 0.25, seed=0)[1]
    assert np.array_equal(test, again)
    assert not np.array_equal(test, dataset.split(labels, 0.25, seed=1)[1])
    assert np.bincount(labels[dataset.split(labels, 0.9, seed=0)[0]]).tolist() == [4, 1, 1, 1]
    with pytest.raises(ReseauxError, match="Chaque classe n'a qu'une image"):
        dataset.split(np.arange(3), 0.25, 0)
    with pytest.raises(ReseauxError, match="entre 0 et 1"):
        dataset.split(labels, 1, 0)


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=60).filter(
        lambda found: len(found) > len(set(found))
    ),
    st.floats(0.01, 0.99),
    st.integers(0, 2**31),
)
def test_the_split_of_each_class(labels: list[int], part: float, seed: int) -> None:
    """La part demandée de chaque classe, à une demi-image près, et jamais toute la classe."""
    train, test = dataset.split(np.array(labels), part, seed)
    assert sorted([*train, *test]) == list(range(len(labels)))
    assert list(train) == sorted(train)
    assert list(test) == sorted(test)
    for k in set(labels):
        count, held = labels.count(k), sum(labels[i] == k for i in test)
        if count == 1:
            assert held == 0
        else:
            assert 1 <= held <= count - 1
            assert abs(held - part * count) <= 0.5 or held in (1, count - 1)


def test_each_image_may_be_drawn() -> None:
    """Le tirage ne préfère aucune place : sur 400 graines, chacune sort une fois sur quatre."""
    labels = np.repeat([0, 1], [8, 4])
    drawn = np.concatenate([dataset.split(labels, 0.25, seed)[1] for seed in range(400)])
    counts = np.bincount(drawn, minlength=12)
    assert counts.sum() == 400 * 3
    assert abs(counts - 100).max() < 5 * (400 * 0.25 * 0.75) ** 0.5


def test_twins_across_the_split_are_reported(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["apprendre", str(photos), *FAST]
    read = dataset.read(read_request(parse(words), words))
    assert read.notes() == []
    for count, said in (
        (1, "1 image de test se retrouve,"),
        (2, "2 images de test se retrouvent,"),
    ):
        images = list(read.pictures.images)
        for k in range(count):
            images[read.test[k]] = images[read.train[0]]
        twins = replace(read, pictures=replace(read.pictures, images=tuple(images)))
        [note] = twins.notes()
        assert f"Attention : {said} au pixel près" in note
    for file in list((photos / "chat").iterdir()):
        (photos / "chat" / f"copie de {file.name}").write_bytes(file.read_bytes())
    assert run("apprendre", photos, *FAST) == 0
    assert "au pixel près" in capsys.readouterr().out


@pytest.mark.parametrize("given_test", [False, True])
def test_each_file_advances_the_bar(
    given_test: bool, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []

    def bar(files: list[Path], what: str, unit: str) -> list[Path]:
        seen.extend(files)
        return files

    monkeypatch.setattr(dataset, "progress", bar)
    move(photos, photos.parent / "mon test", "*7.png")
    words = ["apprendre", str(photos), *FAST]
    words += ["--test", str(photos.parent / "mon test")] if given_test else []
    read = dataset.read(read_request(parse(words), words))
    assert len(seen) == len(read.pictures) == (24 if given_test else 21)


def hard_folder(root: Path) -> None:
    """Ce qu'un vrai dossier contient ; la moitié se lit, l'autre se refuse."""
    chat, cafe = root / "chat", root / "café serré"
    photo = crops("chelsea", 3)[1]
    grey = photo.convert("L")
    grey.save(chat / "grise.png")
    photo.quantize(16).save(chat / "palette.png")
    Image.merge("RGBA", (*photo.split(), grey)).save(chat / "transparente.png")
    Image.merge("LA", (grey, grey)).save(chat / "LA.png")
    photo.convert("1").save(chat / "1 bit.png")
    photo.convert("CMYK").save(chat / "imprimerie.jpg")
    Image.fromarray(np.asarray(grey).astype(np.uint16) * 257).save(chat / "16 bits.png")
    Image.fromarray(np.asarray(grey, np.float32) / 255).save(chat / "flottants.tiff")
    photo.convert("LAB").save(chat / "lab.tiff")
    others = [photo.rotate(90), photo.rotate(180)]
    photo.save(chat / "animée.gif", save_all=True, append_images=others)
    photo.save(chat / "animée.webp", save_all=True, append_images=others)
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(chat / "tournée.jpg", exif=exif)
    Image.new("RGB", (1, 1), "red").save(chat / "un pixel.png")
    photo.resize((2000, 1)).save(chat / "ruban.png")
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(chat / "nan.tiff")
    whole = (chat / "grise.png").read_bytes()
    (cafe / "tronquée.png").write_bytes(whole[: len(whole) // 2])
    (cafe / "texte déguisé.jpg").write_text("bonjour")
    (cafe / "vide.jpg").write_bytes(b"")
    (cafe / ".caché.png").write_bytes(whole)
    (cafe / "encore" / "plus bas").mkdir(parents=True)
    (cafe / "encore" / "plus bas" / "oubliée.png").write_bytes(whole)
    (root / "égarée.png").write_bytes(whole)
    (root / ".Trash").mkdir()
    (root / ".Trash" / "jetée.png").write_bytes(whole)
    (cafe / "boucle").symlink_to(root, target_is_directory=True)
    (cafe / "cassé.png").symlink_to(cafe / "nulle part.png")
    (cafe / "tourne.png").symlink_to(cafe / "tourne.png")
    (root / "la même boucle").symlink_to(root, target_is_directory=True)
    os.mkfifo(cafe / "tube.png")
    (root / "classe vide").mkdir()
    (root / "seule").mkdir()
    crops("grass", 1)[0].save(root / "seule" / "5 $ et 10 $.png")
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "théières")
        (root / name).mkdir()
        for k, crop in enumerate(crops("brick", 3)):
            crop.save(root / name / f"{form} {k}.png")


@pytest.mark.skipif(os.name != "posix", reason="liens et tubes")
def test_every_file_is_used_or_refused_by_name(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hard_folder(photos)
    found = [
        Path(place) / name
        for place, folders, files in os.walk(photos)
        for name in (*files, *(f for f in folders if (Path(place) / f).is_symlink()))
    ]
    assert run("apprendre", photos, *FAST) == 0
    rows = file_rows(Path("resultats"))
    assert len(rows) == len(found)
    assert {row["classe"] for row in rows if row["usage"] == "refusé"} == {""}
    names = {unicodedata.normalize("NFC", f.relative_to(photos).as_posix()) for f in found}
    assert {row["fichier"] for row in rows} == names
    refused = {
        Path(r["fichier"]).name: r["raison du refus"] for r in rows if r["usage"] == "refusé"
    }
    assert {name: reason.split(" ;")[0] for name, reason in refused.items()} == {
        "tronquée.png": "image tronquée ou abîmée",
        "texte déguisé.jpg": "ce n'est pas une image",
        "vide.jpg": "fichier vide",
        ".caché.png": "fichier caché",
        "oubliée.png": "dans un sous-dossier de la classe",
        "égarée.png": "hors d'un sous-dossier de classe",
        "jetée.png": "fichier caché",
        "boucle": "lien vers un dossier",
        "cassé.png": "lien cassé, ou qui tourne en rond",
        "tourne.png": "lien cassé, ou qui tourne en rond",
        "la même boucle": "lien vers un dossier qui contient déjà celui-ci",
        "tube.png": "ce n'est pas un fichier ordinaire",
        "nan.tiff": "valeurs infinies, ou qui ne sont pas des nombres",
    }
    said = capsys.readouterr().out
    assert "« classe vide » n'a aucune image lisible : laissée de côté" in said
    assert "« seule » n'a qu'une image : elle est apprise, mais pas testée" in said
    assert "« théières » : deux sous-dossiers" in said
    assert sum(row["classe"] == "théières" for row in rows) == 6
    alone = next(row for row in rows if row["classe"] == "seule")
    assert alone["usage"] == "entraînement"


def move(source: Path, target: Path, names: str) -> None:
    """Déplace, classe par classe, les images dont le nom va avec ``names``."""
    for file in sorted(source.glob(f"*/{names}")):
        place = target / file.parent.name
        place.mkdir(parents=True, exist_ok=True)
        shutil.move(file, place / file.name)


@pytest.mark.parametrize("name", ["val", "test"])
def test_a_folder_already_split_keeps_its_split(
    name: str, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = photos.parent / "partagées"
    move(photos, root / name, "*[67].png")
    move(photos, root / "train", "*.png")
    (root / name / "inconnue").mkdir()
    crops("grass", 1)[0].save(root / name / "inconnue" / "herbe.png")
    crops("grass", 1)[0].save(root / "égarée.png")
    (root / "train" / "chat" / "vide.png").write_bytes(b"")
    assert run("apprendre", root, *FAST) == 0
    rows = {row["fichier"]: row for row in file_rows(Path("resultats"))}
    files = [f.relative_to(root).as_posix() for f in root.rglob("*") if f.is_file()]
    assert sorted(rows) == sorted(files)
    used = {file: row["usage"] for file, row in rows.items()}
    assert {file for file, usage in used.items() if usage == "entraînement"} == {
        file for file in files if file.startswith("train/") and "vide" not in file
    }
    assert {file for file, usage in used.items() if usage == "test"} == {
        file for file in files if file.startswith(f"{name}/") and "inconnue" not in file
    }
    assert rows[f"{name}/inconnue/herbe.png"]["raison du refus"].startswith("sa classe n'est pas")
    assert rows["égarée.png"]["raison du refus"] == f"hors de « train » et de « {name} »"
    assert rows["train/chat/vide.png"]["raison du refus"] == "fichier vide"
    capsys.readouterr()
    assert run("apprendre", root, *FAST, "--part-test", "0.5") == 1
    assert f"a déjà son test, dans « {name} »" in capsys.readouterr().err
    assert run("apprendre", root, *FAST, "--test", root / name) == 1
    assert "Retirez « --test »" in capsys.readouterr().err


def test_test_comes_before_val(photos: Path) -> None:
    root = photos.parent / "partagées"
    for name, files in (("val", "*6.png"), ("test", "*7.png"), ("train", "*.png")):
        move(photos, root / name, files)
    assert run("apprendre", root, *FAST) == 0
    usages = {row["fichier"].split("/")[0]: row for row in file_rows(Path("resultats"))}
    assert usages["test"]["usage"] == "test"
    assert usages["val"]["raison du refus"] == "hors de « train » et de « test »"


def test_classes_may_be_named_train_and_test(tmp_path: Path, photos: Path) -> None:
    """Des trains et des tests : deux classes d'images, et non un partage."""
    (photos / "chat").rename(photos / "train")
    (photos / "café serré").rename(photos / "test")
    assert run("apprendre", photos, *FAST) == 0
    rows = file_rows(Path("resultats"))
    assert {row["classe"] for row in rows} == {"train", "test", "temple chinois"}


def test_a_test_folder_of_ones_own(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = photos.parent / "mon test"
    move(photos, other, "*[67].png")
    shutil.rmtree(other / "chat")
    assert run("apprendre", photos, *FAST, "--test", other) == 0
    rows = file_rows(Path("resultats"))
    test = [row for row in rows if row["usage"] == "test"]
    assert {row["fichier"].split("/")[0] for row in test} == {"mon test"}
    assert len(test) == 4
    assert len(rows) == 22
    assert "« chat » n'a pas d'image de test" in capsys.readouterr().out
    (other / "vide" / "rien").mkdir(parents=True)
    assert run("apprendre", photos, *FAST, "--test", other / "vide") == 1
    assert "aucune image lisible des classes apprises" in capsys.readouterr().err
