"""Lire une image : modes rares, orientation, images démesurées."""

import runpy
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageFile

from photo_folder import picture
from photos import folder, images
from photos.images import read_image
from reseaux.errors import ReseauxError


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


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "I;16", "F"])
def test_a_bomb_is_refused_before_its_pixels_are_read(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """La taille est dans l'en-tête ; la limite, en pixels, ne dépend pas de leur profondeur."""
    monkeypatch.setattr(images, "MOST_PIXELS", 1000)
    for side in (31, 32):
        Image.new(mode, (side, side)).save(tmp_path / f"{side}.tiff")
    read_image(tmp_path / "31.tiff")
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("pixels lus"))
    with pytest.raises(ReseauxError, match="démesurée ; réduisez-la"):
        read_image(tmp_path / "32.tiff")


def test_a_bomb_that_pillow_sees_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    picture(size=(80, 80)).save(tmp_path / "énorme.png")
    with pytest.raises(ReseauxError, match="démesurée"):
        read_image(tmp_path / "énorme.png")


def test_a_hundred_megapixels_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Un téléphone d'aujourd'hui en fait 108 ; Pillow, lui, avertit dès 89."""
    assert 108_000_000 < images.MOST_PIXELS < Image.MAX_IMAGE_PIXELS * 2  # où Pillow refuse
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    picture(size=(40, 40)).save(tmp_path / "grande.png")
    assert read_image(tmp_path / "grande.png").size == (40, 40)


PEAK = """
import re, sys
from pathlib import Path
from photos.images import read_image

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

read_image(Path(sys.argv[1]))
before = peak()
read_image(Path(sys.argv[2]))
print(1024 * (peak() - before))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="mémoire lue dans /proc")
@pytest.mark.parametrize("mode", ["I;16", "F", "RGBA"])
def test_the_memory_of_a_picture_follows_its_pixels(mode: str, tmp_path: Path) -> None:
    """Moins de 18 octets par pixel ; une image entière mise en nombres en prendrait trente."""
    for name, size in (("petite", (64, 64)), ("grande", (3000, 2000))):
        Image.new(mode, size).save(tmp_path / f"{name}.tiff")
    files = [str(tmp_path / name) for name in ("petite.tiff", "grande.tiff")]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *files], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 18 * 3000 * 2000


def twelve_bits(path: Path, values: np.ndarray, highest: int | None = None) -> None:
    """Écrit un TIFF gris de 12 bits par valeur (deux valeurs en trois octets), ou de 16 bits."""
    bits = 16 if highest else 12
    flat = values.ravel()
    packed = np.stack([flat[::2] >> 4, (flat[::2] & 15) << 4 | flat[1::2] >> 8, flat[1::2] & 255])
    data = flat.astype("<u2").tobytes() if highest else packed.T.astype(np.uint8).tobytes()
    tags = {256: values.shape[1], 257: values.shape[0], 258: bits, 259: 1, 262: 1, 273: 8,
            277: 1, 278: values.shape[0], 279: len(data)}  # fmt: skip
    tags |= {281: highest} if highest else {}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, v) for tag, v in sorted(tags.items()))
    header = b"II*\0" + struct.pack("<I", 8 + len(data))
    path.write_bytes(header + data + struct.pack("<H", len(tags)) + entries + bytes(4))


@pytest.mark.parametrize("highest", [None, 4095, 1023])
def test_the_white_is_what_the_file_says(highest: int | None, tmp_path: Path) -> None:
    white = highest or 4095
    values = np.array([[0, white // 2, white, white // 4]] * 4)
    twelve_bits(tmp_path / "x.tiff", values, highest)
    dark: list[Path] = []
    read = np.asarray(read_image(tmp_path / "x.tiff", dark=dark))[0, :, 0]
    np.testing.assert_allclose(read, 255 * values[0] / white, atol=1)
    assert not dark


def grey_tiff(path: Path, values: "np.ndarray", sense: int, sign: int) -> None:
    """Un TIFF gris, petit-boutiste ; ``sense`` 0 : zéro est blanc ; ``sign`` 2 : avec un signe."""
    data, bits = values.tobytes(), 8 * values.itemsize
    tags = {256: values.shape[1], 257: values.shape[0], 258: bits, 259: 1, 262: sense, 273: 8,
            277: 1, 278: values.shape[0], 279: len(data), 339: sign}  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, v) for tag, v in tags.items())
    header = b"II*\0" + struct.pack("<I", 8 + len(data))
    path.write_bytes(header + data + struct.pack("<H", len(tags)) + entries + bytes(4))


@pytest.mark.parametrize(
    ("kind", "white", "sign", "sense"), [("<u2", 65535, 1, 0), ("<i2", 32767, 2, 1)]
)
def test_a_deep_tiff_says_its_sense_and_its_sign(
    kind: str, white: int, sign: int, sense: int, tmp_path: Path
) -> None:
    """Une radiographie de 16 bits où zéro est blanc ne se lit pas en négatif."""
    levels = np.array([[0, 64, 255, 128]] * 4)
    shown = levels if sense else 255 - levels
    grey_tiff(tmp_path / "x.tiff", (shown / 255 * white).astype(kind), sense, sign)
    read = np.asarray(read_image(tmp_path / "x.tiff"))[..., 0]
    np.testing.assert_allclose(read, levels, atol=1)


def test_unsigned_values_that_pillow_reads_as_negative_are_refused(tmp_path: Path) -> None:
    values = np.array([[1, 2**31, 2**32 - 1, 5]] * 4, "<u4")
    grey_tiff(tmp_path / "x.tiff", values, 1, 1)
    with pytest.raises(ReseauxError, match="32 bits trop grandes"):
        read_image(tmp_path / "x.tiff")


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_twelve_bits_in_sixteen_are_told(suffix: str, root: Path) -> None:
    """Le fichier ne dit pas que son blanc est 4 095 : on ne devine pas, mais on le dit."""
    for name, value in (("sombre", 4095), ("claire", 4096), ("noire", 0)):
        values = np.full((20, 40), value, np.uint16)
        Image.fromarray(values).save(root / "théières" / f"{name}.{suffix}")
    read = folder.read(root)
    [note] = read.notes
    assert "aucune valeur ne dépasse 4095" in note
    assert f"théières/sombre.{suffix} (1)" in note
    assert folder.read(root, square=8).notes == read.notes


def iptc(content: bytes) -> bytes:
    """Une image IPTC qui en contient une autre."""
    fields = (
        (3, 60, b"\1\0"), (3, 20, struct.pack(">I", 40)), (3, 30, struct.pack(">I", 20)),
        (3, 120, b"\0\0\0\5"), (8, 10, content),
    )  # fmt: skip
    return b"".join(struct.pack(">BBBH", 28, *tag, len(data)) + data for *tag, data in fields)


@pytest.mark.parametrize("suffix", ["eps", "iim"])
def test_no_program_is_started_by_a_picture(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow donnerait un dessin EPS à Ghostscript, même rangé dans une image IPTC."""
    started: list[object] = []
    monkeypatch.setattr(subprocess, "check_call", lambda *words, **_: started.append(words))
    picture().save(tmp_path / "x.eps")
    if suffix == "iim":
        (tmp_path / "x.iim").write_bytes(iptc((tmp_path / "x.eps").read_bytes()))
    with pytest.raises(ReseauxError) as caught:
        read_image(tmp_path / f"x.{suffix}")
    assert started == []
    assert (
        str(caught.value)
        == {
            "eps": "dessin EPS : l'ouvrir lancerait un autre programme ; exportez-le en PNG",
            "iim": "ce n'est pas une image",
        }[suffix]
    )


def test_every_format_that_pillow_decodes_is_read(tmp_path: Path) -> None:
    Image.init()
    only_written = {"EPS", "PDF", "PALM", "BUFR", "GRIB", "HDF5", "WMF"}
    modes = {"BLP": "P", "MSP": "1", "XBM": "1"}
    for name in Image.SAVE.keys() - only_written:
        picture(size=(32, 32)).convert(modes.get(name, "RGB")).save(tmp_path / name, name)
        assert read_image(tmp_path / name).mode == "RGB"
    refused = {"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF"}
    assert Image.OPEN.keys() - images._FORMATS == refused


@pytest.mark.skipif(sys.platform == "win32", reason="Pillow y cache sa libtiff")
def test_a_damaged_tiff_is_refused_in_silence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Image.linear_gradient("L").save(tmp_path / "x.tiff", compression="tiff_adobe_deflate")
    content = bytearray((tmp_path / "x.tiff").read_bytes())
    content[20:60] = bytes(40)
    (tmp_path / "x.tiff").write_bytes(content)
    with pytest.raises(ReseauxError, match="tronquée ou abîmée"):
        read_image(tmp_path / "x.tiff")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("values", [[-1, -0.5], [-1, 0]])
def test_a_picture_without_light_is_told(values: list[float], tmp_path: Path) -> None:
    Image.fromarray(np.array([values], np.float32)).save(tmp_path / "x.tiff")
    with pytest.raises(ReseauxError, match="aucune valeur positive"):
        read_image(tmp_path / "x.tiff")


HEIC = b"\0\0\0\x1cftypheic\0\0\0\0mif1heic"


def test_a_heic_photo_says_how_to_be_read(tmp_path: Path) -> None:
    (tmp_path / "x.heic").write_bytes(HEIC)
    if "HEIF" in Image.OPEN:
        pytest.skip("pillow-heif est là")
    with pytest.raises(ReseauxError, match="photo HEIC ; installez « pillow-heif »"):
        read_image(tmp_path / "x.heic")


def test_a_heic_photo_is_read_when_the_library_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Une fausse « pillow_heif », qui s'inscrit comme la vraie."""

    class Fake(ImageFile.ImageFile):
        def _open(self) -> None:
            self._size, self._mode = (8, 8), "RGB"

        def load(self) -> None:
            self.im = Image.core.fill("RGB", self.size, (1, 2, 3))

    def register_heif_opener() -> None:
        Image.register_open("HEIF", Fake, lambda start: start[4:12] == b"ftypheic")

    fake = SimpleNamespace(register_heif_opener=register_heif_opener)
    monkeypatch.setitem(sys.modules, "pillow_heif", fake)
    for table in ("OPEN", "ID"):
        monkeypatch.setattr(Image, table, getattr(Image, table).copy())
    (tmp_path / "x.heic").write_bytes(HEIC)
    again = runpy.run_path(images.__file__)
    assert again["read_image"](tmp_path / "x.heic").getpixel((0, 0)) == (1, 2, 3)


def test_large_images_are_reduced(root: Path) -> None:
    picture(size=(900, 300)).save(root / "théières" / "large.png")
    read = folder.read(root, max_side=300)
    assert read.images[read.files.index("théières/large.png")].size == (300, 100)


def test_a_reduced_image_is_the_one_of_pillow(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (90, 150, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "x.png")
    expected = Image.fromarray(noise).resize((50, 30), Image.Resampling.LANCZOS, reducing_gap=2)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", max_side=50), expected)


@pytest.mark.parametrize("side", [30, 120])
def test_a_square_is_the_one_of_pillow(side: int, tmp_path: Path) -> None:
    """Réduit ou agrandi, le carré central est bicubique."""
    noise = np.random.default_rng(0).integers(0, 255, (90, 150, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "x.png")
    bicubic, middle = Image.Resampling.BICUBIC, (30, 0, 120, 90)
    expected = Image.fromarray(noise).resize((side, side), bicubic, box=middle)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", square=side), expected)


def test_first_frame_and_float_levels(tmp_path: Path) -> None:
    dark = Image.fromarray(np.full((4, 4), 0.25, np.float32))
    dark.save(tmp_path / "sombre.tiff")
    assert read_image(tmp_path / "sombre.tiff").getpixel((0, 0)) == (63, 63, 63)
    bytes_as_floats = Image.fromarray(np.full((4, 4), 128, np.float32))
    bytes_as_floats.save(tmp_path / "octets.tiff")
    assert read_image(tmp_path / "octets.tiff").getpixel((0, 0)) == (128, 128, 128)
    # La plus haute valeur, puis le blanc qu'elle suppose : 1, 255, 65 535, ou elle-même.
    for highest, white in (
        (1, 1),
        (1.5, 255),
        (255, 255),
        (256, 65535),
        (65535, 65535),
        (1e6, 1e6),
    ):
        Image.fromarray(np.array([[0, highest / 2, highest]], np.float32)).save(tmp_path / "x.tiff")
        levels = np.asarray(read_image(tmp_path / "x.tiff"))[0, :, 0]
        expected = 255 * np.array([0, highest / 2, highest]) / white
        np.testing.assert_array_equal(levels, expected.astype(np.uint8))
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
