"""Corrections du HTML pour les lecteurs d'écran, que le thème ne fait pas.

Les noms des boutons, eux, sont corrigés dans ``templates/``.
"""

from html import escape
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator

# L'étiquette d'une cellule qui vérifie ce que dit la leçon, sans en faire partie.
CHECK_TAG = "verification"
# Le cadre que le thème ouvre autour d'un tableau.
FRAME = '<div class="pst-scrollable-table-container">'
# Ce qu'une cellule replie, selon le mode de myst-nb.
FOLDED = {"all": "le code et son résultat", "input": "le code", "output": "le résultat"}


class FrenchBookTranslator(HTML5Translator):
    """L'écriture HTML de Sphinx, à quelques balises près."""

    def visit_citation(self, node: nodes.Element) -> None:
        """Ouvre une entrée de la bibliographie, ``listitem`` d'une liste ouverte avant la première.

        Celles de docutils n'en sont pas : un lecteur d'écran annonce une liste vide.
        """
        if not isinstance(node.previous_sibling(), nodes.citation):
            self.body.append('<div role="list" class="citation-list">\n')
        self.body.append(self.starttag(node, "div", classes=["citation"], role="listitem"))

    def depart_table(self, node: nodes.Element) -> None:
        """Ferme un tableau, et nomme le cadre où le thème l'a fait défiler : sa légende.

        Sans légende, c'est le titre de la section.
        """
        super().depart_table(node)
        named: Any = node
        while not isinstance(named.next_node(nodes.title, descend=True), nodes.title):
            named = named.parent
        name = escape(named.next_node(nodes.title).astext())
        frame = len(self.body) - 1 - self.body[::-1].index(FRAME)
        label = f' role="region" tabindex="0" aria-label="{name}">'
        self.body[frame] = FRAME.replace(">", label)

    def visit_literal_block(self, node: nodes.Element) -> None:
        """Ouvre un bloc de code ; une ligne longue y défile, à la souris comme au clavier."""
        try:
            super().visit_literal_block(node)
        finally:
            self.body[-1] = self.body[-1].replace("<pre>", '<pre tabindex="0">', 1)


class NameFoldedCells(SphinxPostTransform):
    """Dit ce que replie une cellule : une vérification, le code d'une figure, ou autre chose.

    myst-nb écrit « Afficher source », pareil pour toutes.
    """

    default_priority = 198  # juste avant celle de myst-nb, qui replie
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Nomme chaque cellule repliée de la page."""
        for cell in self.document.findall(nodes.container):
            mode = cell.get("hide_mode")
            if cell.get("nb_element") != "cell_code" or mode not in FOLDED:
                continue
            what = FOLDED[mode]
            if mode == "input" and (cell.next_node(nodes.figure) or cell.next_node(nodes.image)):
                what = "le code de la figure"
            show, hide = f"Afficher {what}", f"Masquer {what}"
            if f"tag_{CHECK_TAG}" in cell["classes"]:
                show, hide = "Vérification", "Masquer la vérification"
            cell["prompt_show"], cell["prompt_hide"] = show, hide


def visit_folded_cell(self: Any, node: nodes.Element) -> None:
    """Ouvre une cellule repliée.

    myst-nb y ajoute un nom anglais, « Toggle hidden content », différent du texte affiché.
    """
    classes = " ".join(["admonition", "hide", *node["classes"]])
    self.body.append(f'<details class="{classes}">\n<summary>\n')
    for state, prompt in (("collapsed", node["prompt_show"]), ("expanded", node["prompt_hide"])):
        self.body.append(f'<p class="{state} admonition-title">{escape(prompt)}</p>\n')
    self.body.append("</summary>\n")


def depart_folded_cell(self: Any, node: nodes.Element) -> None:
    """Ferme une cellule repliée."""
    self.body.append("</details>\n")


def setup(app: Sphinx) -> None:
    """Remplace l'écriture HTML ; le thème ajoute la sienne par-dessus."""
    app.add_post_transform(NameFoldedCells)
    app.set_translator("html", FrenchBookTranslator)
    app.add_node(HideCodeCellNode, override=True, html=(visit_folded_cell, depart_folded_cell))
