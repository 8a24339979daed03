"""Corrections du HTML pour les lecteurs d'écran, que le thème ne fait pas.

- docutils annonce la bibliographie comme une liste (``role="list"``) dont les entrées ne sont pas
  des éléments de liste : un lecteur d'écran n'y voit rien. Ses entrées deviennent des ``listitem``.
- Une sortie de cellule plus large que l'écran défile de côté : ``tabindex`` l'ouvre au clavier.

Les noms des boutons sont corrigés dans ``templates/``.
"""


from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


class FrenchBookTranslator(HTML5Translator):
    """L'écriture HTML de Sphinx, à quelques balises près."""

    def visit_citation(self, node: nodes.Element) -> None:
        """Ouvre une entrée de la bibliographie, et la liste avant la première."""
        if not isinstance(node.previous_sibling(), nodes.citation):
            self.body.append('<div role="list" class="citation-list">\n')
        self.body.append(self.starttag(node, "div", classes=["citation"], role="listitem"))

    def visit_literal_block(self, node: nodes.Element) -> None:
        """Ouvre un bloc de code ; une ligne longue y défile, à la souris comme au clavier."""
        try:
            super().visit_literal_block(node)
        finally:
            self.body[-1] = self.body[-1].replace("<pre>", '<pre tabindex="0">', 1)


def setup(app: Sphinx) -> None:
    """Remplace l'écriture HTML ; le thème ajoute la sienne par-dessus."""
    app.set_translator("html", FrenchBookTranslator)


