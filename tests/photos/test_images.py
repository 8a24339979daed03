"""Lire une image : modes rares, orientation, images démesurées."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photo_folder import picture
from photos import folder
from photos.images import read_image


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


def test_first_frame_and_float_levels(tmp_path: Path) -> None:
    dark = Image.fromarray(np.full((4, 4), 0.25, np.float32))
    dark.save(tmp_path / "sombre.tiff")
    assert read_image(tmp_path / "sombre.tiff").getpixel((0, 0)) == (63, 63, 63)
    bytes_as_floats = Image.fromarray(np.full((4, 4), 128, np.float32))
    bytes_as_floats.save(tmp_path / "octets.tiff")
    assert read_image(tmp_path / "octets.tiff").getpixel((0, 0)) == (128, 128, 128)
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "a.gif").getpixel((0, 0)) == (255, 0, 0)


def test_square_keeps_the_center_at_full_resolution(tmp_path: Path) -> None:
    wide = np.zeros((100, 1000, 3), np.uint8)
    wide[:, 450:550] = np.random.default_rng(0).integers(0, 255, (100, 100, 3))
    Image.fromarray(wide).save(tmp_path / "large.png")
    square = read_image(tmp_path / "large.png", square=100)
    assert np.array_equal(np.asarray(square), wide[:, 450:550])


def test_squares_are_centered(tmp_path: Path) -> None:
    wide = picture((0, 0, 0), (60, 20))
    wide.paste((255, 255, 255), (20, 0, 40, 20))
    wide.save(tmp_path / "large.png")
    array = np.asarray(read_image(tmp_path / "large.png", square=20))
    assert array.shape == (20, 20, 3)
    assert array.min() == 255
