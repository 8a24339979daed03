"""Les boutons d'une page : ouvrir son notebook dans Colab ou Binder, le télécharger, imprimer.

Colab et Binder lisent la branche ``notebooks`` du dépôt public, où l'intégration continue dépose
les notebooks que produit :mod:`livre.notebooks`. Sans adresse de dépôt, ces boutons n'existent
pas. Le téléchargement, lui, marche toujours : le notebook est dans le site.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sphinx.application import Sphinx

from livre import notebooks, repository
from livre.repository import Repository

BRANCH = "notebooks"


def links(place: Repository, page: str) -> dict[str, str]:
    """Rend les adresses qui ouvrent le notebook d'une page d'un dépôt public, par service."""
    file = quote(f"{page}.ipynb")
    found = {}
    if place.is_github:
        colab = "https://colab.research.google.com/github"
        found["Colab"] = f"{colab}/{place.path}/blob/{BRANCH}/{file}"
        project = f"gh/{place.path}"
    elif place.host == "gitlab.com":
        project = f"gl/{quote(place.path, safe='')}"
    else:
        project = f"git/{quote(place.url, safe='')}"
    found["Binder"] = f"https://mybinder.org/v2/{project}/{BRANCH}?urlpath=lab/tree/{file}"
    return found


def report(place: Repository, title: str) -> str:
    """Rend l'adresse où signaler une erreur d'une page, titre déjà écrit."""
    title = quote(re.sub(r"<[^>]+>", "", title))
    if place.is_github:
        return f"{place.url}/issues/new?template=erreur.md&title={title}"
    return f"{place.url}/-/issues/new?issue[title]={title}" if "gitlab" in place.host else place.url


def add_links(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Donne aux gabarits les adresses ``livre_…`` : dépôt, services, notebook, signalement."""
    place = app.config.livre_repository
    is_notebook = "kernelspec" in app.env.metadata.get(page, {})
    context["livre_repository"] = place.url if place else ""
    context["livre_launch"] = links(place, page) if place and is_notebook else {}
    context["livre_report"] = report(place, str(context.get("title", page))) if place else ""
    is_page = page in app.env.found_docs
    context["livre_notebook"] = notebooks.site_path(page) if is_page else ""


def find_repository(app: Sphinx, config: Any) -> None:
    """Cherche l'adresse du dépôt une fois, au début ; celle du site donne les liens canoniques."""
    config.livre_repository = repository.find(Path(app.srcdir))
    if config.livre_repository:
        config.html_baseurl = config.livre_repository.site


def setup(app: Sphinx) -> None:
    """Ajoute les adresses au contexte avant que le thème ne lise ses gabarits (priorité 500)."""
    app.add_config_value("livre_repository", None, "html", [Repository])
    app.connect("config-inited", find_repository)
    app.connect("html-page-context", add_links, priority=400)
