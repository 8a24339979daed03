"""Le livre entier en un fichier PDF : page de titre, sommaire, signets, liens internes.

Les articles du site sont mis bout à bout dans une seule page, que Chromium imprime deux fois : la
première dit à quelle page commence chaque chapitre, la seconde écrit ces numéros au sommaire.

    python -m livre.pdf
"""

import functools
import html
import http.server
import io
import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

import yaml
from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from pypdf import PdfReader, PdfWriter

from livre.home import parts as parts_of
from livre.search import ARTICLE

ROOT = Path(__file__).parents[2]
STYLE_SHEET = Path(__file__).with_name("livre-entier.css")
SITE = ROOT / "_build" / "html"
NAME = "livre.pdf"
WHOLE = "livre-entier.html"  # la page provisoire
PICTURES = "livre-entier"  # et le dossier de ses photographies
QUALITY = 85  # de 0 à 100
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
OPTIONS += ["--disable-component-update", "--disable-sync", "--no-first-run"]
# Les attributs qui nomment un élément de la page, et ceux qui mènent ailleurs.
NAMES = re.compile(r'(\s(?:id|for|aria-labelledby|aria-describedby)=")([^"]+)')
PLACES = re.compile(r'(\s(?:href|src|xlink:href)=")([^"]+)')
STYLE = re.compile(r"<style\b.*?</style>", re.S)
INNER = re.compile(r"(url\((?:&quot;|[\"'])?#)")
PICTURE = re.compile(r'(<img\b(?![^>]*data-trace)[^>]*\bsrc=")_images/([^"]+)\.webp"')
HEADING = re.compile(r"(</?h)([1-5])\b")


class Part(NamedTuple):
    """Une partie du livre : son nom, et ses pages dans l'ordre."""

    name: str
    pages: list[str]


def read_contents(file: Path) -> list[Part]:
    """Lit le sommaire du livre ; l'accueil est la première partie, sans nom."""
    home = yaml.safe_load(file.read_text(encoding="utf-8"))["root"]
    return [Part("", [home]), *(Part(*part) for part in parts_of(file))]


def anchor(page: str, name: str = "") -> str:
    """Le nom, dans le livre entier, d'un endroit d'une page."""
    return "--".join(filter(None, [page.replace("/", "-"), name]))


def joined(page: str, article: str, pages: set[str]) -> str:
    """Prépare un article pour le livre entier : noms uniques, liens internes, titres abaissés."""

    def renamed(found: re.Match[str]) -> str:
        return found[1] + " ".join(anchor(page, name) for name in found[2].split())

    def moved(found: re.Match[str]) -> str:
        parts = urlsplit(html.unescape(found[2]))
        if parts.scheme or parts.netloc:
            return found[0]
        target = urljoin(f"{page}.html", unquote(parts.path)) if parts.path else f"{page}.html"
        if (name := target.removesuffix(".html")) in pages:
            return f"{found[1]}#{anchor(name, unquote(parts.fragment))}"
        return found[1] + target

    names = {name for found in NAMES.finditer(article) for name in found[2].split()}

    def styled(found: re.Match[str]) -> str:
        return f"#{anchor(page, found[1])}" if found[1] in names else found[0]

    text = STYLE.sub(lambda found: re.sub(r"#([\w-]+)", styled, found[0]), article)
    text = NAMES.sub(renamed, text)
    text = INNER.sub(rf"\g<1>{anchor(page)}--", PLACES.sub(moved, text))
    text = HEADING.sub(lambda found: f"{found[1]}{int(found[2]) + 1}", text)
    text = re.sub(r"<details\b(?![^>]*\bopen\b)", "<details open", text)
    text = text.replace(' loading="lazy"', "")
    return text.replace("<article", f'<article id="{anchor(page)}"', 1)


def whole(site: Path, parts: list[Part], title: str, numbers: Mapping[str, int]) -> str:
    """Écrit la page qui contient tout le livre.

    Args:
        site: le dossier du site.
        parts: le sommaire.
        title: le titre du livre.
        numbers: la page du PDF où commence chaque page du site, si on la connaît.
    """
    pages = {page for part in parts for page in part.pages}
    contents, body = [], []
    for part in parts:
        lines = []
        if part.name:
            body.append(f'<h1 class="partie">{html.escape(part.name)}</h1>')
        for page in part.pages:
            text = (site / f"{page}.html").read_text(encoding="utf-8")
            found = ARTICLE.search(text)
            if not found:
                raise ValueError(f"{page} : la page n'a pas d'article")
            body.append(joined(page, found[0], pages))
            name = re.sub(r"<[^>]+>", "", text.split("<title>", 1)[1].split(" &#8212; ", 1)[0])
            lines.append(
                f'<li><a href="#{anchor(page)}"><span>{name}</span>'
                f"<span>{numbers.get(page, '')}</span></a></li>"
            )
        heading = f"<p>{html.escape(part.name)}</p>" if part.name else ""
        contents.append(f"{heading}<ol>{''.join(lines)}</ol>")
    return f"""<!doctype html>
<html lang="fr" data-theme="light"><head><meta charset="utf-8"><title>{html.escape(title)}</title>
<link rel="stylesheet" href="_static/site.css">
<style>{STYLE_SHEET.read_text("utf-8")}</style></head>
<body class="livre-entier">
<div class="bd-main"><div class="bd-content"><div class="bd-article-container">
<header class="titre"><p class="livre">{html.escape(title)}</p>
<p>Un cours libre et exécutable.</p>
<p>Code sous licence BSD à trois clauses ; textes et figures sous licence Creative Commons
Attribution 4.0.</p></header>
<nav class="sommaire"><p class="livre">Sommaire</p>{"".join(contents)}</nav>
{"".join(body)}
</div></div></div></body></html>"""


def as_jpeg(site: Path, text: str) -> str:
    """Récrit les photographies en JPEG, que le PDF garde telles quelles ; il gonflerait un WebP."""
    folder = site / PICTURES
    folder.mkdir(exist_ok=True)

    def replaced(found: re.Match[str]) -> str:
        name = f"{found[2]}.jpg"
        if not (folder / name).exists():
            with Image.open(site / "_images" / f"{found[2]}.webp") as picture:
                flat = Image.new("RGB", picture.size, "white")
                flat.paste(picture, mask=picture.convert("RGBA").getchannel("A"))
                flat.save(folder / name, quality=QUALITY, subsampling=0)
        return f'{found[1]}{PICTURES}/{name}"'

    return PICTURE.sub(replaced, text)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Sert les fichiers sans écrire une ligne par requête."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Sert un dossier sur cette machine, le temps d'imprimer ; rend son adresse."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def find_chromium() -> str:
    """Cherche Chromium ; lève ``SystemExit`` en disant quoi faire s'il n'y est pas."""
    named = os.environ.get("CHROMIUM")
    found = named or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        raise SystemExit("Chromium est introuvable. Installez-le, ou donnez CHROMIUM=son/chemin.")
    return found


def first_pages(document: bytes, parts: list[Part]) -> dict[str, int]:
    """La page du PDF où commence chaque page du site, lue dans les destinations nommées."""
    reader = PdfReader(io.BytesIO(document))
    places = {name.lstrip("/"): place for name, place in reader.named_destinations.items()}
    numbers = {}
    for page in (page for part in parts for page in part.pages):
        number = reader.get_destination_page_number(places[anchor(page)])
        numbers[page] = (number or 0) + 1
    return numbers


def lighter(document: bytes) -> bytes:
    """Ne garde qu'un exemplaire de ce que Chromium répète : hachures des dessins, images."""
    writer = PdfWriter(clone_from=io.BytesIO(document))
    writer.compress_identical_objects(remove_duplicates=True, remove_unreferenced=True)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def write(browser: Browser, site: Path, parts: list[Part], title: str, target: Path) -> None:
    """Imprime dans ``target`` les pages de ``parts``, prises dans le dossier du site."""
    source = site / WHOLE
    numbers: dict[str, int] = {}
    document = b""
    try:
        with serving(site) as address:
            for _ in range(2):
                text = as_jpeg(site, whole(site, parts, title, numbers))
                source.write_text(text, encoding="utf-8")
                page = browser.new_page()
                page.set_default_timeout(0)
                page.goto(f"{address}/{WHOLE}", wait_until="networkidle", timeout=300_000)
                document = page.pdf(
                    prefer_css_page_size=True,
                    format="A4",
                    print_background=True,
                    tagged=True,
                    outline=True,
                )
                page.close()
                numbers = first_pages(document, parts)
    finally:
        source.unlink(missing_ok=True)
        shutil.rmtree(site / PICTURES, ignore_errors=True)
    target.write_bytes(lighter(document))


def show_link(site: Path) -> None:
    """Montre, au bas de chaque page du site, le lien vers le fichier."""
    for file in site.rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        shown = text.replace('<span class="livre-pdf" hidden>', '<span class="livre-pdf">')
        if shown != text:
            file.write_text(shown, encoding="utf-8")


def main() -> None:
    """Écrit le PDF du livre, et dit où il est."""
    if not (SITE / "index.html").is_file():
        raise SystemExit("Pas de site : lancez d'abord « make livre ».")
    title = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["title"]
    file = SITE / NAME
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=OPTIONS)
        write(browser, SITE, read_contents(ROOT / "_toc.yml"), title, file)
        browser.close()
    show_link(SITE)
    megabytes = f"{file.stat().st_size / 1e6:.1f}".replace(".", ",")
    pages = len(PdfReader(file).pages)
    sys.stdout.write(f"{file.relative_to(ROOT)} : {pages} pages, {megabytes} Mo\n")


if __name__ == "__main__":
    main()
