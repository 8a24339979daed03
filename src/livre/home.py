"""L'accueil : une carte par partie du livre, avec une vignette et les durées.

La page source n'a que des paragraphes, qui commencent par le nom d'une partie : un notebook les
montre tels quels. Le site en fait des cartes une fois les autres pages écrites, car la vignette et
le temps de lecture viennent d'elles, et le temps de calcul de leur exécution.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from myst_nb.sphinx_ import NbMetadataCollector
from PIL import Image
from sphinx.application import Sphinx

PICTURE = re.compile(r'<img\b[^>]*\bsrc="[^"]*_images/([^"/]+\.webp)"')
READING = re.compile(r'class="lecture"[^>]*>Lecture : (\d+) min')
SIZE = (256, 320)  # pixels : deux fois la place qu'elle prend


def parts(contents: Path) -> Iterator[tuple[str, list[str]]]:
    """Le nom et les pages de chaque partie du sommaire."""
    for part in yaml.safe_load(contents.read_text(encoding="utf-8")).get("parts", []):
        yield part["caption"], [entry["file"] for entry in part["chapters"]]


def duration(minutes: float) -> str:
    """Une durée en minutes, ou en heures au-delà de cent."""
    if minutes < 100:
        return f"{max(1, round(minutes))} min"
    return f"{int(minutes // 60)} h {min(55, round(minutes % 60 / 5) * 5):02}"


def thumbnail(site: Path, pages: list[str], name: str) -> str:
    """Écrit la vignette d'une partie, sa première image ; rend son adresse depuis la racine."""
    for page in pages:
        found = PICTURE.search((site / f"{page}.html").read_text(encoding="utf-8"))
        if found:
            target = site / "_images" / f"vignette-{name}.webp"
            with Image.open(site / "_images" / found[1]) as picture:
                small = picture.convert("RGB")
                small.thumbnail(SIZE)
                small.save(target, "WEBP", quality=80, method=6)
                width, height = small.size
            return f'src="_images/{target.name}" width="{width}" height="{height}"'
    return ""


def card(app: Sphinx, number: int, title: str, pages: list[str], paragraph: str) -> str:
    """Rend la carte d'une partie, autour du paragraphe qui la présente."""
    site = Path(app.outdir)
    texts = [(site / f"{page}.html").read_text(encoding="utf-8") for page in pages]
    reading = sum(int(found[1]) for text in texts if (found := READING.search(text)))
    runs: list[Any] = [NbMetadataCollector.get_exec_data(app.env, page) for page in pages]
    running = sum(run["runtime"] or 0 for run in runs if run) / 60
    up = "../" * app.config.root_doc.count("/")
    picture = thumbnail(site, pages, str(number)).replace('src="', f'src="{up}')
    shown = f'<img {picture} alt="Une figure de cette partie : {title}" loading="lazy">'
    facts = f"{len(pages)} pages, lecture {duration(reading)}, calcul {duration(running)}"
    return (
        f'<div class="carte">{shown if picture else ""}<div>'
        f'<p class="carte-durees" data-pagefind-ignore>{facts}</p>{paragraph}</div></div>'
    )


def write(app: Sphinx, error: Exception | None) -> None:
    """Met en cartes les paragraphes de l'accueil qui présentent une partie."""
    home = Path(app.outdir, f"{app.config.root_doc}.html")
    if error or app.builder.name != "html":
        return
    text = home.read_text(encoding="utf-8")
    if 'class="carte"' in text:  # cette construction n'a pas récrit la page
        return
    contents = Path(app.srcdir, app.config.external_toc_path)
    for number, (title, pages) in enumerate(parts(contents), 1):
        start = f"<p><strong>{title}.</strong>"
        found = re.search(re.escape(start) + r".*?</p>", text, re.S)
        if found:
            made = card(app, number, title, pages, found[0])
            text = text.replace(found[0], made)
    home.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Passe quand les pages sont écrites, avant leur typographie et la feuille de style."""
    app.add_css_file("accueil.css", priority=900)
    app.connect("build-finished", write, priority=700)
