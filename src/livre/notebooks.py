"""L'export de chaque page en un notebook que Jupyter et Colab ouvrent.

Deux usages : la construction en dépose un par page dans le site, pour le bouton de
téléchargement ; ``python -m livre.notebooks DOSSIER`` les écrit ailleurs, pour la branche
``notebooks``. Les notebooks n'ont pas de sorties : on les exécute.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import yaml  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx_external_toc.parsing import parse_toc_yaml

from livre import repository
from livre.markdown import Converter
from livre.references import References
from livre.repository import Repository
from livre.targets import Targets

logger = logging.getLogger(__name__)

# nbformat n'est pas typé.
CELLS: Any = nbformat.v4
WRITE: Any = nbformat.write

PACKAGE = "reseaux-existants"
SITE_FOLDER = "notebooks"
HIDING_TAGS = {"hide-cell", "hide-input"}

ORIGIN = """\
*Ce notebook vient du cours « {title} »{where}.*

*Il a besoin du paquet d'aide `reseaux`. {how}*"""
INSTALL = """\
# Installe le paquet d'aide du cours, s'il n'est pas déjà là.
import importlib.util

if importlib.util.find_spec("reseaux") is None:
    %pip install --quiet "{package} @ git+{url}"
"""


def site_path(page: str) -> str:
    """Rend le chemin du notebook d'une page, depuis la racine du site."""
    return f"{SITE_FOLDER}/{page}.ipynb"


def export(root: Path, place: Repository | None) -> Iterator[tuple[str, Any]]:
    """Rend chaque page et son notebook, dans l'ordre du sommaire.

    Args:
        root: la racine du dépôt.
        place: le dépôt public, s'il est connu.

    Raises:
        ValueError: du MyST que l'export ne sait pas récrire ; le message nomme la page.
    """
    title = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["title"]
    sources = {
        page: jupytext.reads((root / f"{page}.md").read_text(encoding="utf-8"), fmt="md:myst")
        for page in parse_toc_yaml(root / "_toc.yml")
    }
    targets = Targets()
    for page, source in sources.items():
        with _naming(page):
            targets.add_page(page, source.cells)
    references = References(root / "references.bib")
    for page, source in sources.items():
        converter = Converter(page, root, targets, references)
        with _naming(page):
            cells = [*_first_cells(title, place), *_cells(source.cells, converter)]
        for number, cell in enumerate(cells):
            cell["id"] = f"cellule-{number}"
        kernel = source.metadata.get(
            "kernelspec", {"display_name": "Python 3", "language": "python", "name": "python3"}
        )
        metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
        yield page, CELLS.new_notebook(cells=cells, metadata=metadata)


@contextmanager
def _naming(page: str) -> Iterator[None]:
    """Ajoute le nom de la page à l'erreur qu'elle cause."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise ValueError(f"{page} : {error}") from error


def _first_cells(title: str, place: Repository | None) -> list[Any]:
    """Dit d'où vient le notebook, et installe le paquet d'aide quand on sait où le prendre."""
    if place is None:
        how = "Ouvrez-le depuis un clone du dépôt, après `pip install -e .` à sa racine."
        return [CELLS.new_markdown_cell(ORIGIN.format(title=title, where="", how=how))]
    where = f" ([{place.path}]({place.url}))"
    how = "La cellule suivante l'installe s'il manque."
    return [
        CELLS.new_markdown_cell(ORIGIN.format(title=title, where=where, how=how)),
        CELLS.new_code_cell(INSTALL.format(package=PACKAGE, url=place.url)),
    ]


def _cells(cells: list[Any], converter: Converter) -> Iterator[Any]:
    for cell in cells:
        if cell["cell_type"] == "markdown":
            text = converter.convert(cell["source"])
            if text:
                yield CELLS.new_markdown_cell(text)
            continue
        metadata = dict(cell["metadata"])
        if HIDING_TAGS & set(metadata.get("tags", [])):
            metadata["jupyter"] = {"source_hidden": True}
        # La légende et le texte de remplacement ne servent qu'au site.
        figure = metadata.pop("mystnb", {}).get("figure", {})
        yield CELLS.new_code_cell(cell["source"], metadata=metadata)
        if "caption" in figure:
            caption = converter.caption(figure["caption"], figure.get("name", ""))
            yield CELLS.new_markdown_cell(caption)


def write(root: Path, folder: Path, place: Repository | None) -> list[Path]:
    """Écrit les notebooks dans ``folder``, un par page, sous le même nom que la page."""
    written = []
    for page, notebook in export(root, place):
        file = folder / f"{page}.ipynb"
        file.parent.mkdir(parents=True, exist_ok=True)
        WRITE(notebook, file)
        written.append(file)
    return written


def add_to_site(app: Sphinx, error: Exception | None) -> None:
    """Dépose les notebooks dans le site, une fois ses pages écrites."""
    if error is not None or app.builder.format != "html":
        return
    try:
        write(Path(app.srcdir), Path(app.outdir) / SITE_FOLDER, app.config.livre_repository)
    except ValueError as problem:
        logger.warning("export des notebooks : %s", problem, type="livre", subtype="notebook")


def setup(app: Sphinx) -> None:
    """Exporte à la fin de la construction ; un échec est un avertissement, donc une erreur."""
    app.connect("build-finished", add_to_site)


def main() -> int:
    """Écrit les notebooks depuis la ligne de commande."""
    parser = argparse.ArgumentParser(
        prog="python -m livre.notebooks", description="Exporte chaque page du cours en un notebook."
    )
    parser.add_argument("dossier", type=Path, help="où les écrire ; créé au besoin")
    parser.add_argument("--racine", type=Path, default=Path(), help="la racine du dépôt")
    options = parser.parse_args()
    try:
        written = write(options.racine, options.dossier, repository.find(options.racine))
    except ValueError as error:
        print(f"Export impossible : {error}", file=sys.stderr)
        return 1
    print(f"{len(written)} notebooks écrits dans {options.dossier}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
