"""L'export de chaque page en un notebook que Jupyter et Colab ouvrent.

La construction en dépose un par page dans le site : le bouton de téléchargement y mène, et la
publication les copie dans la branche ``notebooks``. Ils n'ont pas de sorties : on les exécute.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from sphinx.application import Sphinx
from sphinx.util import logging

from livre.accessibility import CHECK_TAG
from livre.markdown import Converter
from livre.references import References
from livre.repository import Repository
from livre.targets import Targets

logger = logging.getLogger(__name__)

# nbformat n'est pas typé.
CELLS: Any = nbformat.v4
WRITE: Any = nbformat.write

PACKAGE = "reseaux-existants[cellules,grappe]"
SITE_FOLDER = "notebooks"
# Le titre d'une cellule repliée, dans Colab et dans JupyterLab, selon sa première étiquette connue.
FOLDED = {
    CHECK_TAG: "Vérification",
    "hide-cell": "Solution",
    "hide-input": "Code de la figure ou du tableau",
}

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


def export(app: Sphinx, page: str) -> Any:
    """Rend le notebook d'une page, une fois que Sphinx les a toutes lues.

    Raises:
        ValueError: du MyST que l'export ne sait pas récrire.
        OSError: une image absente.
    """
    source = jupytext.read(app.env.doc2path(page), fmt="md:myst")
    publications: Any = app.env.domains["cite"]
    references = References(publications.citations)
    converter = Converter(page, Path(app.srcdir), Targets(app.env), references)
    start = _first_cells(app.config.html_title, app.config.livre_repository)
    cells = [*start, *_cells(source.cells, converter)]
    for number, cell in enumerate(cells):
        cell["id"] = f"cellule-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return CELLS.new_notebook(cells=cells, metadata=metadata)


def _first_cells(title: str, place: Repository | None) -> list[Any]:
    """Dit d'où vient le notebook, et installe le paquet d'aide quand on sait où le prendre."""
    if place is None:
        where, how = "", "Ouvrez-le depuis un clone du dépôt, après `pip install -e .` à sa racine."
        return [CELLS.new_markdown_cell(ORIGIN.format(title=title, where=where, how=how))]
    where, how = f" ([{place.path}]({place.url}))", "La cellule suivante l'installe s'il manque."
    origin = CELLS.new_markdown_cell(ORIGIN.format(title=title, where=where, how=how))
    return [origin, CELLS.new_code_cell(INSTALL.format(package=PACKAGE, url=place.url))]


def _cells(cells: list[Any], converter: Converter) -> Iterator[Any]:
    for cell in cells:
        if cell["cell_type"] == "markdown":
            text = converter.convert(cell["source"])
            if text:
                yield CELLS.new_markdown_cell(text)
            continue
        metadata = dict(cell["metadata"])
        code, tags = cell["source"], metadata.get("tags", [])
        if found := [title for tag, title in FOLDED.items() if tag in tags]:
            metadata |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
            code = f"# @title {found[0]}\n{code}"
        # La légende et le texte de remplacement ne servent qu'au site.
        figure = metadata.pop("mystnb", {}).get("figure", {})
        yield CELLS.new_code_cell(code, metadata=metadata)
        if figure:
            caption = converter.caption(figure.get("caption", ""), figure.get("name", ""))
            yield CELLS.new_markdown_cell(caption)


def add_to_site(app: Sphinx, error: Exception | None) -> None:
    """Dépose les notebooks dans le site, une fois ses pages écrites."""
    if error is not None or app.builder.format != "html":
        return
    shutil.rmtree(Path(app.outdir) / SITE_FOLDER, ignore_errors=True)
    for page in sorted(app.env.found_docs):
        try:
            notebook = export(app, page)
        except (ValueError, OSError) as problem:
            text = "notebook de %s : %s"
            logger.warning(text, page, problem, type="livre", subtype="notebook")
            continue
        file = Path(app.outdir) / site_path(page)
        file.parent.mkdir(parents=True, exist_ok=True)
        WRITE(notebook, file)


def setup(app: Sphinx) -> None:
    """Exporte à la fin de la construction ; un échec est un avertissement, donc une erreur."""
    app.connect("build-finished", add_to_site)
