"""La feuille de style du livre et la fonte des formules, copiées dans le site."""

from pathlib import Path

from sphinx.application import Sphinx

STATIC = Path(__file__).parent / "static"


def add_static_folder(app: Sphinx) -> None:
    """Ajoute ``static/`` aux dossiers que Sphinx copie dans ``_static/``."""
    app.config.html_static_path.append(str(STATIC))


def setup(app: Sphinx) -> None:
    """Charge ``livre.css`` après les feuilles du thème."""
    app.connect("builder-inited", add_static_folder)
    app.add_css_file("livre.css", priority=900)
