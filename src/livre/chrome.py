"""Les mots du thème, en français.

Trois mécanismes de Sphinx, du plus simple au plus fort :

- un réglage de ``_config.yml``, quand il en existe un (texte de la recherche, « Figure %s ») ;
- le catalogue ``chrome.toml``, qui passe avant les traductions livrées avec Sphinx et le thème ;
- un gabarit de ``templates/``, qui remplace celui du thème, quand son texte anglais est figé.
"""

import tomllib
from collections.abc import Mapping
from gettext import NullTranslations
from pathlib import Path
from typing import Any

from sphinx import locale
from sphinx.application import Sphinx

HERE = Path(__file__).parent
CATALOGUES: Mapping[str, Mapping[str, str]] = tomllib.loads(
    (HERE / "chrome.toml").read_text(encoding="utf-8")
)


class FrenchFirst(NullTranslations):
    """Cherche d'abord dans nos traductions, puis dans celles d'origine."""

    def __init__(self, messages: Mapping[str, str], original: NullTranslations) -> None:
        """Place ``messages`` devant le catalogue ``original``."""
        super().__init__()
        self.messages = messages
        self.add_fallback(original)

    def gettext(self, message: str) -> str:
        """Traduit un message."""
        return self.messages.get(message) or super().gettext(message)


def translate(app: Sphinx) -> None:
    """Installe nos catalogues, celui de Sphinx et celui du thème."""
    for name, messages in CATALOGUES.items():
        translator = FrenchFirst(messages, locale.get_translator(name))
        locale.translators["general", name] = translator
        if name == "sphinx":
            # Les gabarits lisent celui-ci.
            app.translator = translator


def replace_templates(app: Sphinx, config: Any) -> None:
    """Fait passer nos gabarits avant ceux du thème, qui les ajoute lui-même à cette liste."""
    config.templates_path[:0] = [str(HERE / "templates"), str(HERE / "templates" / "components")]


def setup(app: Sphinx) -> None:
    """Installe les catalogues et les gabarits."""
    translate(app)
    app.connect("config-inited", replace_templates, priority=900)
