"""La feuille de style, la fonte des formules et le tri des tableaux, copiés dans le site."""

from pathlib import Path

from sphinx.application import Sphinx

STATIC = Path(__file__).parent / "static"


def add_static_folder(app: Sphinx) -> None:
    """Ajoute ``static/`` aux dossiers que Sphinx copie dans ``_static/``."""
    app.config.html_static_path.append(str(STATIC))


def setup(app: Sphinx) -> None:
    """Charge ``livre.css`` après les feuilles du thème, et ``tri.js`` une fois la page lue."""
    app.connect("builder-inited", add_static_folder)
    app.add_css_file("livre.css", priority=900)
    app.add_js_file("tri.js", loading_method="defer")
