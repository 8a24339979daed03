"""Lire une image, ou dire en quelques mots pourquoi elle ne se lit pas."""

import unicodedata
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from reseaux.errors import ReseauxError, os_reason


def readable(text: str) -> str:
    """Un nom affichable, écrit d'une seule façon : macOS sépare « é » en « e » et accent."""
    text = unicodedata.normalize("NFC", text)
    # Un nom de fichier peut aussi contenir un retour à la ligne, ou des octets hors de l'UTF-8.
    return "".join("?" if unicodedata.category(c) in ("Cc", "Cs", "Zl") else c for c in text)


def read_image(file: Path, max_side: int = 512, square: int | None = None) -> Image.Image:
    """Lit une image : entière, à l'endroit, en RGB, transparence sur fond blanc.

    D'une image animée, ou de plusieurs pages, on lit la première.

    Args:
        file: le fichier.
        max_side: une image plus grande est réduite à ce côté.
        square: si donné, rend le carré central de l'image, à ce côté.

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
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as opened:
                # Lit tous les pixels ; le mode est mis en RGB avant que le fichier soit fermé.
                image = _to_rgb(ImageOps.exif_transpose(opened))
    except ReseauxError:
        raise
    except UnidentifiedImageError as error:
        empty = file.stat().st_size == 0
        raise ReseauxError("fichier vide" if empty else "ce n'est pas une image") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ReseauxError("image démesurée ; réduisez-la") from error
    except Exception as error:  # un fichier abîmé fait lever n'importe quoi à un décodeur
        if isinstance(error, OSError) and error.errno is not None:
            raise ReseauxError(os_reason(error)) from error
        raise ReseauxError("image tronquée ou abîmée") from error
    if square is not None:
        return ImageOps.fit(image, (square, square), Image.Resampling.BICUBIC)
    image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    """Met n'importe quel mode de Pillow en RGB."""
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits par pixel, ou flottants
        values = np.asarray(image, np.float64)
        if not np.isfinite(values).all():
            raise ReseauxError("valeurs infinies, ou qui ne sont pas des nombres")
        high = 65535.0 if image.mode.startswith("I") else _white(float(values.max()))
        return Image.fromarray((255 * np.clip(values / high, 0, 1)).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _white(highest: float) -> float:
    """La valeur du blanc d'une image en flottants : 1, 255 ou 65 535 selon la plus haute."""
    return next((white for white in (1.0, 255.0, 65535.0) if highest <= white), highest)
