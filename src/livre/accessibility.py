"""Corrections du HTML pour les lecteurs d'écran, que le thème ne fait pas.

Les noms des boutons, eux, sont corrigés dans ``templates/``.
"""

from html import escape
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

# Ce qu'une cellule replie, selon son étiquette ; les clés sont les mots de myst-nb.
FOLDED = {
    "content": "le code et son résultat",
    "source": "le code",
    "output": "le résultat",
    "outputs": "le résultat",
}


class FrenchBookTranslator(HTML5Translator):
    """L'écriture HTML de Sphinx, à quelques balises près."""

    def visit_citation(self, node: nodes.Element) -> None:
        """Ouvre une entrée de la bibliographie, ``listitem`` d'une liste ouverte avant la première.

        Celles de docutils n'en sont pas : un lecteur d'écran annonce une liste vide.
        """
        if not isinstance(node.previous_sibling(), nodes.citation):
            self.body.append('<div role="list" class="citation-list">\n')
        self.body.append(self.starttag(node, "div", classes=["citation"], role="listitem"))

    def visit_literal_block(self, node: nodes.Element) -> None:
        """Ouvre un bloc de code ; une ligne longue y défile, à la souris comme au clavier."""
        try:
            super().visit_literal_block(node)
        finally:
            self.body[-1] = self.body[-1].replace("<pre>", '<pre tabindex="0">', 1)


def visit_folded_cell(self: Any, node: nodes.Element) -> None:
    """Ouvre une cellule repliée : « Afficher source » devient « Afficher le code ».

    myst-nb y ajoute un nom anglais, « Toggle hidden content », différent du texte affiché.
    """
    classes = " ".join(["admonition", "hide", *node["classes"]])
    self.body.append(f'<details class="{classes}">\n<summary>\n')
    for state, prompt in (("collapsed", node["prompt_show"]), ("expanded", node["prompt_hide"])):
        verb, _, what = prompt.rpartition(" ")
        text = escape(f"{verb} {FOLDED.get(what, what)}")
        self.body.append(f'<p class="{state} admonition-title">{text}</p>\n')
    self.body.append("</summary>\n")


def depart_folded_cell(self: Any, node: nodes.Element) -> None:
    """Ferme une cellule repliée."""
    self.body.append("</details>\n")


def setup(app: Sphinx) -> None:
    """Remplace l'écriture HTML ; le thème ajoute la sienne par-dessus."""
    app.set_translator("html", FrenchBookTranslator)
    app.add_node(HideCodeCellNode, override=True, html=(visit_folded_cell, depart_folded_cell))
