"""Les images des pages : en WebP, avec leurs dimensions, chargées quand on s'en approche.

Un tracé, quelques couleurs sur fond blanc, reste identique au pixel près. Une photographie s'écrit
avec une perte qui ne se voit pas ; une autre image prend la plus légère des deux formes.
"""

import io
import re
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from sphinx.application import Sphinx

PICTURE = re.compile(
    r'<img\b[^>]*\bsrc="[^"]*_images/(?P<name>[^"/]+\.(?:png|jpe?g))"[^>]*?(?P<end>\s*/?>)'
)
COLORS = 2**13  # au-delà, c'est une photographie
GROUND = 0.7  # la part de blanc d'un tracé ; une grille d'images en a moins de la moitié
QUALITY = 80  # de 0 à 100 : en deçà, le texte posé sur une photographie bave


class Picture(NamedTuple):
    """Ce que la page doit savoir d'une image : ses dimensions, et si c'est un tracé sur blanc."""

    width: int
    height: int
    plot: bool


def convert(source: Path, target: Path) -> Picture:
    """Écrit une image en WebP, si elle ne l'est pas déjà ; rend ce que la page doit en savoir."""
    with Image.open(source) as image:
        colors = image.convert("RGBA").getcolors(COLORS)
        width, height = image.size
        white = sum(count for count, color in colors or () if color == (255,) * 4)
        plot = white >= GROUND * width * height
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            target.parent.mkdir(parents=True, exist_ok=True)
            # Au-delà de COLORS, la forme sans perte est toujours la plus lourde.
            written = [] if colors is None else [_webp(image, lossless=True)]
            if not plot:  # des carrés de couleur pèsent moins sans perte, une photographie, avec
                written.append(_webp(image, quality=QUALITY))
            target.write_bytes(min(written, key=len))
        return Picture(width, height, plot)


def _webp(image: Image.Image, **options: Any) -> bytes:
    """Une image écrite en WebP."""
    written = io.BytesIO()
    image.save(written, "WEBP", method=6, **options)
    return written.getvalue()


def lighten(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Remplace les images d'une page ; celles d'origine ne sont plus copiées dans le site."""
    body = str(context.get("body") or "")
    if not body or app.builder.name != "html":
        return
    sources = {name: path for path, (_, name) in app.env.images.items()}
    seen: set[str] = set()

    def replaced(found: re.Match[str]) -> str:
        name = found["name"]
        target = Path(app.outdir, "_images", name).with_suffix(".webp")
        width, height, plot = convert(Path(app.srcdir, sources[name]), target)
        app.builder.images.pop(sources[name], None)
        # Celle d'une construction plus ancienne.
        Path(app.outdir, "_images", name).unlink(missing_ok=True)
        tag = found[0][: found.start("end") - found.start()]
        # Avant le premier sous-titre, elle est peut-être déjà à l'écran : l'attendre se verrait.
        tag += ' loading="lazy" decoding="async"' if body.count("<h2", 0, found.start()) else ""
        sized = re.search(r"\s(?:width|height)=", tag)
        tag += "" if sized else f' width="{width}" height="{height}"'
        # En mode sombre, un tracé change de fond ; une photographie, non.
        tag += ' data-trace=""' if plot else ""
        seen.add(name)
        return tag + found["end"]

    body = PICTURE.sub(replaced, body)
    for name in seen:
        body = body.replace(f"_images/{name}", f"_images/{Path(name).stem}.webp")
    context["body"] = body


def setup(app: Sphinx) -> None:
    """Écoute chaque page, une fois son contenu écrit."""
    app.connect("html-page-context", lighten)
