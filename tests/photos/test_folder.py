"""Un dossier d'images comme il y en a : accents, images abîmées, modes rares, fichiers égarés."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photo_folder import picture
from photos import folder
from reseaux.errors import ReseauxError


def test_classes_files_and_labels(root: Path) -> None:
    picture().save(root / "théières" / "été.jpg")
    read = folder.read(root)
    assert read.names == ("chats noirs", "théières")
    assert read.labels.tolist() == [0, 1, 1]
    assert read.files == ("chats noirs/photo 1.png", "théières/photo 1.png", "théières/été.jpg")
    assert read.refused == ()
    assert "2" in repr(read.counts())


def test_decomposed_accents_become_one_name(tmp_path: Path) -> None:
    for name in ("a", unicodedata.normalize("NFD", "théières")):
        (tmp_path / name).mkdir()
        picture().save(tmp_path / name / "x.png")
    assert folder.read(tmp_path).names[1] == "théières"


def test_each_bad_file_is_named_with_its_reason(root: Path) -> None:
    target = root / "théières"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    for suffix in ("png", "jpg"):
        Image.fromarray(noise).save(target / f"entière.{suffix}")
        content = (target / f"entière.{suffix}").read_bytes()
        (target / f"coupée.{suffix}").write_bytes(content[: len(content) // 2])
    (target / "notes.txt").write_text("ceci n'est pas une image")
    (target / "vide.png").write_bytes(b"")
    (target / "faux.jpg").write_bytes(b"\xff\xd8\xff" + b"0" * 50)
    (target / "encore" / "plus bas").mkdir(parents=True)
    picture().save(target / "encore" / "plus bas" / "oubliée.png")
    (root / "égarée.png").write_bytes(content)
    (target / ".DS_Store").write_bytes(b"x")
    read = folder.read(root)
    reasons = dict(read.refused)
    assert set(reasons) == {
        "égarée.png",
        "théières/coupée.jpg",
        "théières/coupée.png",
        "théières/.DS_Store",
        "théières/encore/plus bas/oubliée.png",
        "théières/faux.jpg",
        "théières/notes.txt",
        "théières/vide.png",
    }
    assert reasons["théières/coupée.jpg"] == reasons["théières/coupée.png"]
    assert "tronquée" in reasons["théières/coupée.png"]
    assert "pas une image" in reasons["théières/notes.txt"]
    assert "vide" in reasons["théières/vide.png"]
    assert "hors d'un sous-dossier" in reasons["égarée.png"]
    assert len(read) == 4
    assert "théières/notes.txt" in repr(read.report())


def test_unusable_folders(tmp_path: Path) -> None:
    with pytest.raises(ReseauxError, match="n'existe pas"):
        folder.read(tmp_path / "absent")
    (tmp_path / "un").mkdir()
    with pytest.raises(ReseauxError, match="au moins deux"):
        folder.read(tmp_path)
    (tmp_path / "deux").mkdir()
    picture().save(tmp_path / "un" / "x.png")
    with pytest.raises(ReseauxError, match=r"« deux » n'a aucune image.*Ajoutez-en\.$"):
        folder.read(tmp_path)  # aucun refus à citer
    (tmp_path / "deux" / "x.png").write_bytes(b"rien")
    with pytest.raises(
        ReseauxError, match=r"« deux » n'a aucune image(.|\n)*deux/x\.png : ce n'est"
    ):
        folder.read(tmp_path)


def test_unreadable_files_and_folders(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Le système refuse la lecture (l'administrateur, lui, lit tout : on simule)."""
    real_open, real_list = Image.open, Path.iterdir

    def opened(file: Path, **options: object) -> Image.Image:
        if Path(file).name == "photo n° 0.png":
            raise PermissionError(13, "Permission denied", str(file))
        return real_open(file, **options)  # type: ignore[arg-type]

    def listed(path: Path):
        if path.name == "chat":
            raise PermissionError(13, "Permission denied", str(path))
        return real_list(path)

    monkeypatch.setattr(Image, "open", opened)
    monkeypatch.setattr(Path, "iterdir", listed)
    read = folder.read(photos)
    reasons = dict(read.refused)
    assert reasons["chat"] == "dossier illisible : droits insuffisants"
    assert reasons["café serré/photo n° 0.png"] == "droits insuffisants"
    assert read.names == ("café serré", "temple chinois")


@pytest.mark.skipif(os.name != "posix", reason="Windows refuse ces noms")
def test_two_folders_are_two_classes_whatever_their_names(tmp_path: Path) -> None:
    """Des octets hors de l'UTF-8, un retour à la ligne, une barre oblique inverse, « ? »."""
    names = [b"m\xe8re", b"m\xfbre", b"a\nb", b"a?b", b"a\\nb", b"a\x1bb", "été".encode()]
    for k, name in enumerate(names):
        place = tmp_path / os.fsdecode(name)
        place.mkdir()
        picture((k, 0, 0)).save(place / "x.png")
    read = folder.read(tmp_path)
    assert set(read.names) == {
        r"m\xe8re", r"m\xfbre", r"a\nb", "a?b", r"a\\nb", r"a\x1bb", "été"
    }  # fmt: skip
    assert read.notes == ()
    values = [image.getpixel((0, 0))[0] for image in read.images]
    shown = [os.fsdecode(name) for name in names]
    for label, value, file in zip(read.labels, values, read.files, strict=True):
        assert read.names[label] == folder.readable(shown[value].replace("\\", "\\\\"))
        assert file == folder.readable(shown[value]) + "/x.png"
    assert folder.read(tmp_path, known=read.names).names == read.names
    assert len(folder.read(tmp_path, known=read.names)) == len(names)


def test_a_class_whose_files_cannot_be_looked_at(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Un dossier que l'on peut lister mais pas ouvrir : cette classe est refusée, et elle seule."""
    real = Path.is_dir

    def is_dir(path: Path) -> bool:
        if path.parent.name == "chat":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "is_dir", is_dir)
    read = folder.read(photos)
    assert read.names == ("café serré", "temple chinois")
    assert dict(read.refused) == {"chat": "dossier illisible : droits insuffisants"}
    assert read.notes == ("La classe « chat » n'a aucune image lisible : laissée de côté.",)


def test_a_folder_that_cannot_be_listed(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(ReseauxError, match=r"ne se lit pas \(droits insuffisants\)"):
        folder.read(photos)


def test_a_hidden_file_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    """Dans un dossier, on ne la voulait sans doute pas ; nommée, si."""
    hidden, seen = tmp_path / "dossier" / ".photo.png", tmp_path / "dossier" / "photo.png"
    hidden.parent.mkdir()
    for file in (hidden, seen):
        picture().save(file)
    assert list(folder.visible_files([hidden.parent])) == [seen]
    assert list(folder.visible_files([hidden, seen])) == [hidden, seen]
