"""Lire une image, ou dire en quelques mots pourquoi elle ne se lit pas."""

import contextlib
import ctypes
import re
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError, _imaging

from reseaux.errors import ReseauxError, os_reason

with contextlib.suppress(ImportError):  # « pip install pillow-heif » : les photos d'iPhone
    from pillow_heif import register_heif_opener

    register_heif_opener()

with contextlib.suppress(AttributeError, OSError):  # sous Windows, Pillow cache sa libtiff
    # Elle dirait en anglais, sur la sortie d'erreur, ce que « read_image » dit en français.
    ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)

# Ce que Pillow décode lui-même. Pas EPS, qu'il donne à Ghostscript, ni IPTC, qui peut en contenir ;
# ni WMF, que dessine Windows ; ni ce qu'il reconnaît sans savoir le lire (BUFR, GRIB, HDF5, MPEG).
_FORMATS = {
    "AVIF", "BLP", "BMP", "CUR", "DCX", "DDS", "DIB", "FITS", "FLI", "FPX", "FTEX", "GBR",
    "GIF", "HEIF", "ICNS", "ICO", "IM", "IMT", "JPEG", "JPEG2000", "MCIDAS", "MIC", "MSP",
    "PCD", "PCX", "PIXAR", "PNG", "PPM", "PSD", "QOI", "SGI", "SPIDER", "SUN", "TGA", "TIFF",
    "WEBP", "XBM", "XPM", "XVTHUMB",
}  # fmt: skip

MOST_PIXELS = 2**27  # 134 mégapixels : plus d'un gibioctet, une fois en couleurs
_TWELVE_BITS = 4095
_HEIF = re.compile(rb"....ftyp(hei|hev|mif1|msf1)", re.DOTALL)
_EPS = (b"%!PS", b"\xc5\xd0\xd3\xc6")
# Étiquettes TIFF : bits par valeur, plus haute valeur, sens du gris (0 : zéro est blanc), signe.
_BITS, _HIGHEST, _SENSE, _SIGN = 258, 281, 262, 339


def read_image(
    file: Path, max_side: int = 512, square: int | None = None, dark: list[Path] | None = None
) -> Image.Image:
    """Lit une image : entière, à l'endroit, en RGB, transparence sur fond blanc.

    D'une image animée, ou de plusieurs pages, on lit la première.

    Args:
        file: le fichier.
        max_side: une image plus grande est réduite à ce côté.
        square: si donné, rend le carré central de l'image, à ce côté.
        dark: reçoit ``file`` si l'image est sans doute plus sombre que nature : 16 bits par valeur,
            mais rien au-delà de 12 (voir :func:`dark_note`).

    Raises:
        ReseauxError: la raison du refus, en quelques mots.
    """
    try:
        if file.is_dir():
            raise ReseauxError("c'est un dossier")
        if file.is_symlink() and not file.exists():
            raise ReseauxError("lien cassé, ou qui tourne en rond")
        if not file.exists():
            raise ReseauxError("ce fichier n'existe pas")
        if not file.is_file():  # un tube ou un périphérique : le lire attendrait pour toujours
            raise ReseauxError("ce n'est pas un fichier ordinaire")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # métadonnées bizarres : sans effet sur les pixels
            Image.init()  # charge tous les formats ; l'ordre des essais reste celui de Pillow
            with Image.open(file, formats=[f for f in Image.ID if f in _FORMATS]) as opened:
                if opened.width * opened.height > MOST_PIXELS:  # lu dans l'en-tête
                    raise Image.DecompressionBombError
                ImageOps.exif_transpose(opened, in_place=True)  # lit tous les pixels
                # Le mode est mis en RGB avant que le fichier soit fermé.
                image = _to_rgb(opened, file, dark)
    except ReseauxError:
        raise
    except UnidentifiedImageError as error:
        raise ReseauxError(_unknown(file)) from error
    except Image.DecompressionBombError as error:
        most = MOST_PIXELS // 10**6
        raise ReseauxError(f"image démesurée ; réduisez-la à {most} mégapixels") from error
    except Exception as error:  # un fichier abîmé fait lever n'importe quoi à un décodeur
        if isinstance(error, OSError) and error.errno is not None:
            raise ReseauxError(os_reason(error)) from error
        raise ReseauxError("image tronquée ou abîmée") from error
    if square is not None:
        return ImageOps.fit(image, (square, square), Image.Resampling.BICUBIC)
    image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return image


def dark_note(names: list[str]) -> list[str]:
    """Ce qu'il faut dire des images reçues par ``dark``, nommées ; rien s'il n'y en a pas."""
    if not names:
        return []
    return [
        f"Images de 16 bits dont aucune valeur ne dépasse {_TWELVE_BITS}, lues presque noires : "
        f"{', '.join(names[:3])}{', …' if names[3:] else ''} ({len(names)}). Si elles viennent "
        "d'un appareil de 12 bits, multipliez leurs valeurs par 16."
    ]


def _unknown(file: Path) -> str:
    with file.open("rb") as stream:
        start = stream.read(12)
    if _HEIF.match(start):
        return (
            "photo HEIC ; installez « pillow-heif » (pip install pillow-heif), ou exportez-la en "
            "JPEG"
        )
    if start.startswith(_EPS):
        return "dessin EPS : l'ouvrir lancerait un autre programme ; exportez-le en PNG"
    return "ce n'est pas une image" if start else "fichier vide"


def _to_rgb(image: Image.Image, file: Path, dark: list[Path] | None) -> Image.Image:
    """Met n'importe quel mode de Pillow en RGB, par morceaux : rien d'autre ne prend la place."""
    convert = _over_white
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits par pixel, ou flottants
        white, highest = _white(image)
        negative = getattr(image, "tag_v2", {}).get(_SENSE) == 0  # Pillow ne retourne que 8 bits
        convert = partial(_from_deep, white=white, negative=negative)
        if dark is not None and white == 65535 and 0 < highest <= _TWELVE_BITS:
            dark.append(file)
    whole = Image.new("RGB", image.size)
    for box in _tiles(image):
        whole.paste(convert(image.crop(box)), box)
    return whole


def _tiles(image: Image.Image, side: int = 1024) -> Iterator[tuple[int, int, int, int]]:
    for top in range(0, image.height, side):
        for left in range(0, image.width, side):
            yield left, top, min(left + side, image.width), min(top + side, image.height)


def _over_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _from_deep(image: Image.Image, white: float, negative: bool) -> Image.Image:
    levels = 255 * np.clip(np.asarray(image, np.float64) / white, 0, 1)
    levels = 255 - levels if negative else levels
    return Image.fromarray(levels.astype(np.uint8)).convert("RGB")


def _white(image: Image.Image) -> tuple[float, float]:
    """La valeur du blanc, et la plus haute de l'image.

    Le blanc est celui que dit le fichier ; sinon 65 535, ou, en flottants, 1, 255 ou 65 535 selon
    la plus haute valeur.
    """
    lowest, highest = np.inf, -np.inf
    for box in _tiles(image):
        values = np.asarray(image.crop(box), np.float64)
        if not np.isfinite(values).all():
            raise ReseauxError("valeurs infinies, ou qui ne sont pas des nombres")
        lowest, highest = min(lowest, float(values.min())), max(highest, float(values.max()))
    if lowest < 0 >= highest:
        raise ReseauxError("aucune valeur positive ; ramenez-les entre 0 et 1")
    tags = getattr(image, "tag_v2", {})
    known = ((_HIGHEST, 0), (_BITS, 16), (_SIGN, 1))
    told, bits, sign = (int(np.max(tags.get(tag, other))) for tag, other in known)
    if image.mode == "I" and lowest < 0 and tags and sign == 1:  # Pillow les lit avec un signe
        raise ReseauxError("valeurs de 32 bits trop grandes ; ramenez-les à 16 bits")
    white: float = told or 2 ** min(bits - (sign == 2), 16) - 1
    if image.mode == "F" or highest > white:
        white = next((level for level in (1, 255, 65535) if highest <= level), highest)
    return white, highest
