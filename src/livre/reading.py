"""Le temps de lecture d'une page, sous son titre : sa prose, à 220 mots par minute."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

RATE = 220  # mots par minute
WORD = re.compile(r"\w+(?:['’-]\w+)*")
# Ce qui se regarde ou s'exécute, et la bibliographie, qu'on ne lit pas d'un trait.
SKIPPED = (nodes.citation, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)


def words(tree: nodes.document) -> int:
    """Compte les mots de la prose d'une page, titres et tableaux compris."""
    return sum(
        len(WORD.findall(text.astext()))
        for text in tree.findall(nodes.Text)
        if not any(isinstance(node, SKIPPED) for node in _around(text))
    )


def _around(node: nodes.Node) -> list[nodes.Node]:
    found = []
    while (node := node.parent) is not None:
        found.append(node)
    return found


def add_time(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Écrit la durée sous le titre, si la page se lit en une minute au moins."""
    if tree is None or (minutes := round(words(tree) / RATE)) < 1:
        return
    line = f'<p class="lecture" data-pagefind-ignore>Lecture : {minutes} min</p>'
    context["body"] = re.sub("</h1>", f"</h1>\n{line}", str(context["body"]), count=1)


def setup(app: Sphinx) -> None:
    """Passe à l'écriture de chaque page."""
    app.connect("html-page-context", add_time)
