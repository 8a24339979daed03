"""L'habillage du site : ses gabarits, sa feuille de style, sa fonte, le tri de ses tableaux.

Les mots du thème viennent de trois endroits, du plus simple au plus fort :

- un réglage de ``_config.yml``, quand il en existe un (texte de la recherche, « Figure %s ») ;
- ``locale/fr/LC_MESSAGES/sphinx.po``, qui passe avant les traductions de Sphinx et du thème ;
- un gabarit de ``templates/``, qui remplace celui du thème, quand son texte anglais est figé.
"""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

HERE = Path(__file__).parent
STATIC = HERE / "static"
SCRIPTS = ("tri.js", "cadres.js", "agrandir.js", "replier.js")


def replace_templates(app: Sphinx, config: Any) -> None:
    """Fait passer nos gabarits avant ceux du thème, qui les ajoute lui-même à cette liste."""
    config.templates_path[:0] = [str(HERE / "templates"), str(HERE / "templates" / "components")]


def add_static_folder(app: Sphinx) -> None:
    """Ajoute ``static/`` aux dossiers que Sphinx copie dans ``_static/``."""
    app.config.html_static_path.append(str(STATIC))


def setup(app: Sphinx) -> None:
    """Charge ``livre.css`` après les feuilles du thème, et nos scripts une fois la page lue."""
    app.connect("config-inited", replace_templates, priority=900)
    app.connect("builder-inited", add_static_folder)
    app.add_css_file("livre.css", priority=900)
    for name in SCRIPTS:
        app.add_js_file(name, loading_method="defer")
