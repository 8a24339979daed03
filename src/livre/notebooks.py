"""L'export de chaque page en un notebook que Jupyter et Colab ouvrent, avec ses sorties.

La construction en dépose un par page dans le site : le bouton de téléchargement y mène, et la
publication les copie dans la branche ``notebooks``. Les sorties sont celles que montre le site.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from jupyter_cache import get_cache
from myst_nb.core.read import create_nb_reader
from sphinx.application import Sphinx
from sphinx.util import logging

from livre.accessibility import CHECK_TAG
from livre.markdown import Converter
from livre.myst import MystError
from livre.references import References
from livre.repository import Repository
from livre.targets import Targets
from livre.typography import french_markdown

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

ORIGIN = "*Ce notebook est une page du cours « {title} »{where}.*"
NEEDS = "*Il a besoin du paquet d'aide `reseaux`. {how}*"
FROM_A_CLONE = 'Depuis un clone du dépôt : `pip install -e ".[notebooks]"`.'
INSTALL = """\
# Installe le paquet d'aide du cours, s'il n'est pas déjà là.
import importlib.util

if importlib.util.find_spec("reseaux") is None:
    %pip install --quiet "{package} @ git+{address}"
"""


def site_path(page: str) -> str:
    """Rend le chemin du notebook d'une page, depuis la racine du site."""
    return f"{SITE_FOLDER}/{page}.ipynb"


def export(app: Sphinx, page: str) -> Any:
    """Rend le notebook d'une page, une fois que Sphinx les a toutes lues.

    Raises:
        ValueError: du MyST que l'export ne sait pas récrire, une image absente ; le message les
            cite tous.
    """
    source = jupytext.read(app.env.doc2path(page), fmt="md:myst")
    publications: Any = app.env.domains["cite"]
    references = References(publications.citations)
    place = app.config.livre_repository
    site = place.site if place else ""
    converter = Converter(page, Path(app.srcdir), Targets(app.env), references, site)
    _add_outputs(app, page, source)
    has_code = any(cell["cell_type"] == "code" for cell in source.cells)
    cells = [*_first_cells(app.config.html_title, place, page, has_code)]
    cells += _cells(source.cells, converter)
    if references.cited:
        cells.append(CELLS.new_markdown_cell(f"## Références\n\n{references.listing_of_cited()}"))
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "markdown":
            cell["source"] = french_markdown(cell["source"])
        cell["id"] = f"cellule-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return CELLS.new_notebook(cells=cells, metadata=metadata)


def _add_outputs(app: Sphinx, page: str, notebook: Any) -> None:
    """Donne aux cellules les sorties de la construction ; rien si elle n'exécute pas la page."""
    env: Any = app.env
    config, file = env.mystnb_config, env.doc2path(page)
    text = Path(file).read_text(encoding="utf-8")
    reader = create_nb_reader(file, env.myst_config, config, text)
    if reader is None or config.execution_mode != "cache":
        return
    cache: Any = get_cache(config.execution_cache_path)
    try:
        _, executed = cache.merge_match_into_notebook(reader.read(text))
    except KeyError:  # la page a échoué, et la construction l'a dit
        return
    code = [cell for cell in notebook.cells if cell["cell_type"] == "code"]
    found = [cell for cell in executed.cells if cell["cell_type"] == "code"]
    for number, (cell, done) in enumerate(zip(code, found, strict=True), 1):
        outputs = [output for output in done["outputs"] if output.get("name") != "stderr"]
        for output in outputs:
            if "execution_count" in output:
                output["execution_count"] = number
        cell["outputs"], cell["execution_count"] = outputs, number


def _first_cells(title: str, place: Repository | None, page: str, has_code: bool) -> Iterator[Any]:
    """Dit d'où vient le notebook, et installe le paquet d'aide quand on sait où le prendre."""
    where = f" ([{place.path}]({place.url}))" if place else ""
    if place and place.site:
        where = f", [à lire en ligne]({place.site}{page}.html){where}"
    text = ORIGIN.format(title=title, where=where)
    if not has_code:
        yield CELLS.new_markdown_cell(text)
        return
    how = "La cellule suivante l'installe s'il manque." if place else FROM_A_CLONE
    yield CELLS.new_markdown_cell(f"{text}\n\n{NEEDS.format(how=how)}")
    if place:
        install = INSTALL.format(package=PACKAGE, address=place.install)
        yield CELLS.new_code_cell(install)


def _cells(cells: list[Any], converter: Converter) -> Iterator[Any]:
    """Récrit chaque cellule ; ce qui empêche d'en récrire s'apprend en une fois, à la fin."""
    problems = []
    for cell in cells:
        try:
            yield from _cell(cell, converter)
        except (ValueError, OSError) as problem:
            problems.append(str(problem))
    if problems:
        raise MystError("\n".join(problems))


def _cell(cell: Any, converter: Converter) -> Iterator[Any]:
    if cell["cell_type"] == "markdown":
        text = converter.convert(cell["source"])
        if text:
            yield CELLS.new_markdown_cell(text)
        return
    metadata = dict(cell["metadata"])
    code, tags = cell["source"], metadata.get("tags", [])
    if found := [title for tag, title in FOLDED.items() if tag in tags]:
        metadata |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
        code = f"# @title {found[0]}\n{code}"
    if "hide-cell" in tags:  # le résultat donnerait la réponse
        metadata["jupyter"]["outputs_hidden"] = metadata["collapsed"] = True
    # La légende et le texte de remplacement ne servent qu'au site.
    figure = metadata.pop("mystnb", {}).get("figure", {})
    number, outputs = cell["execution_count"], cell["outputs"]
    yield CELLS.new_code_cell(code, metadata=metadata, outputs=outputs, execution_count=number)
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
        except ValueError as problem:
            text = "notebook de %s : %s"
            logger.warning(text, page, problem, type="livre", subtype="notebook")
            continue
        file = Path(app.outdir) / site_path(page)
        file.parent.mkdir(parents=True, exist_ok=True)
        WRITE(notebook, file)


def setup(app: Sphinx) -> None:
    """Exporte à la fin de la construction ; un échec est un avertissement, donc une erreur."""
    app.connect("build-finished", add_to_site)
