"""La page 404 : une adresse qui ne mène à rien le dit en français, et ramène au cours.

Un hébergeur la sert à la place de n'importe quelle page : ses liens partent de la racine du site.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sphinx.application import Sphinx

NAME = "404"
TEXT = """<section id="introuvable">
<h1>Cette page n'existe pas</h1>
<p>L'adresse demandée ne mène à aucune page du cours : elle a changé, ou contient une faute.</p>
<p>Le sommaire donne toutes les pages, et la recherche (touches Ctrl et K) retrouve un mot.</p>
<p><a href="{home}">Revenir à l'accueil du cours</a></p>
</section>"""
LINK = re.compile(r'\b(href|src|data-content_root)="(?![a-z]+:|#|/)(?:\./)?')


def add_page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Ajoute la page à celles que Sphinx écrit."""
    home = app.builder.get_target_uri(app.config.root_doc)
    yield NAME, {"title": "Page introuvable", "body": TEXT.format(home=home)}, "page.html"


def forget_its_address(
    app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any
) -> None:
    """La page 404 n'a pas d'adresse à elle."""
    if page == NAME:
        context["pageurl"] = None


def from_the_root(page: str, root: str) -> str:
    """Récrit les adresses d'une page du premier dossier, relatives, à partir de ``root``."""
    return LINK.sub(rf'\1="{root}', page)


def write(app: Sphinx, error: Exception | None) -> None:
    """Récrit les adresses de la page, une fois écrite."""
    file = Path(app.outdir, f"{NAME}.html")
    if error or not file.is_file():
        return
    root = urlsplit(app.config.html_baseurl).path or "/"
    file.write_text(from_the_root(file.read_text("utf-8"), root), "utf-8")


def setup(app: Sphinx) -> None:
    """Ajoute la page, puis la corrige."""
    app.connect("html-collect-pages", add_page)
    app.connect("html-page-context", forget_its_address, priority=900)
    app.connect("build-finished", write)
