"""Un dossier d'images comme il y en a : accents, images abîmées, modes rares, fichiers égarés."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photos import folder
from reseaux.errors import ReseauxError


def picture(color: tuple[int, int, int] = (200, 30, 30), size: tuple[int, int] = (40, 20)):
    return Image.new("RGB", size, color)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("chats noirs", "théières"):
        (tmp_path / name).mkdir()
        picture().save(tmp_path / name / "photo 1.png")
    return tmp_path


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


def test_every_mode_becomes_rgb_with_the_right_color(root: Path) -> None:
    target = root / "théières"
    picture((90, 90, 90)).convert("L").save(target / "gris.png")
    picture().quantize(4).save(target / "palette.png")
    Image.new("RGBA", (40, 20), (255, 0, 0, 0)).save(target / "transparente.png")
    Image.fromarray(np.full((20, 40), 65535, np.uint16)).save(target / "16 bits.png")
    picture().convert("CMYK").save(target / "imprimerie.jpg")
    picture().convert("1").save(target / "noir et blanc.png")
    read = folder.read(root)
    assert read.refused == ()
    assert {image.mode for image in read.images} == {"RGB"}
    middle = {
        Path(file).stem: image.getpixel((20, 10))
        for file, image in zip(read.files, read.images, strict=True)
    }
    assert middle["gris"] == (90, 90, 90)
    assert middle["palette"] == (200, 30, 30)
    assert middle["transparente"] == (255, 255, 255)  # transparente sur fond blanc, pas rouge
    assert middle["16 bits"] == (255, 255, 255)


def test_exif_rotation_is_applied(root: Path) -> None:
    image = picture((0, 0, 0))
    image.paste((255, 255, 255), (0, 0, 40, 10))  # moitié haute blanche
    exif = Image.Exif()
    exif[0x0112] = 6  # à tourner d'un quart de tour vers la droite pour l'affichage
    image.save(root / "théières" / "tournée.png", exif=exif)
    read = folder.read(root)
    turned = read.images[read.files.index("théières/tournée.png")]
    assert turned.size == (20, 40)
    assert turned.getpixel((15, 20)) == (255, 255, 255)  # le haut est passé à droite
    assert turned.getpixel((5, 20)) == (0, 0, 0)


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


def test_a_bomb_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    picture(size=(40, 40)).save(root / "théières" / "grande.png")  # au-delà : avertissement
    picture(size=(80, 80)).save(root / "théières" / "énorme.png")  # au-delà du double : erreur
    reasons = dict(folder.read(root).refused)
    assert "démesurée" in reasons["théières/grande.png"]
    assert "démesurée" in reasons["théières/énorme.png"]


def test_large_images_are_reduced(root: Path) -> None:
    picture(size=(900, 300)).save(root / "théières" / "large.png")
    read = folder.read(root, max_side=300)
    assert read.images[read.files.index("théières/large.png")].size == (300, 100)


def test_unusable_folders(tmp_path: Path) -> None:
    with pytest.raises(ReseauxError, match="n'existe pas"):
        folder.read(tmp_path / "absent")
    (tmp_path / "un").mkdir()
    with pytest.raises(ReseauxError, match="au moins deux"):
        folder.read(tmp_path)
    (tmp_path / "deux").mkdir()
    picture().save(tmp_path / "un" / "x.png")
    (tmp_path / "deux" / "x.png").write_bytes(b"rien")
    with pytest.raises(
        ReseauxError, match=r"« deux » n'a aucune image(.|\n)*deux/x\.png : ce n'est"
    ):
        folder.read(tmp_path)


def test_squares_are_centered() -> None:
    wide = picture((0, 0, 0), (60, 20))
    wide.paste((255, 255, 255), (20, 0, 40, 20))
    array = folder.squares([wide], 20)
    assert array.shape == (1, 20, 20, 3)
    assert array.dtype == np.float32
    assert array.min() == 1.0


def test_confusion_counts() -> None:
    truth, answers = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    figure = folder.draw_confusion(truth, answers, ("a", "b"))
    assert [t.get_text() for t in figure.axes[0].texts] == ["1", "1", "1", "2"]
