"""Ce vers quoi un renvoi peut pointer : figures, tableaux, équations, sections, pages.

Sphinx le sait pendant la construction ; l'export des notebooks n'a que les fichiers. Il compte donc
les figures comme Sphinx, d'un bout à l'autre du sommaire, et les équations page par page : une
figure a le même numéro dans le notebook et sur le site (un test le vérifie).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from livre.myst import blocks, directive

CITATION = re.compile(r"\{cite:\w+\}`(?P<keys>[^`]+)`")


@dataclass
class Targets:
    """Les cibles de tout le livre.

    Attributes:
        titles: nom de page → titre.
        figures, tables: étiquette → numéro.
        equations: étiquette → numéro sur sa page.
        sections: étiquette → titre de la section.
        homes: étiquette → page où elle se trouve.
        cited: les clés citées quelque part.
    """

    titles: dict[str, str] = field(default_factory=dict)
    figures: dict[str, int] = field(default_factory=dict)
    tables: dict[str, int] = field(default_factory=dict)
    equations: dict[str, int] = field(default_factory=dict)
    sections: dict[str, str] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    cited: set[str] = field(default_factory=set)

    def add_page(self, page: str, cells: Sequence[Mapping[str, Any]]) -> None:
        """Relève les cibles d'une page ; les pages viennent dans l'ordre du sommaire."""
        self._equations_here = 0
        for cell in cells:
            if cell["cell_type"] == "markdown":
                self._add_text(page, cell["source"])
                continue
            figure = cell["metadata"].get("mystnb", {}).get("figure", {})
            if "name" in figure:
                self.figures[figure["name"]] = len(self.figures) + 1
                self.homes[figure["name"]] = page

    def _add_text(self, page: str, text: str) -> None:
        for match in CITATION.finditer(text):
            self.cited.update(key.strip() for key in match["keys"].split(","))
        tokens = blocks(text)
        label = ""  # l'étiquette qui attend sa cible
        for token, following in pairwise([*tokens, None]):
            assert token is not None
            if token.type == "myst_target":
                label = token.content
            elif token.type == "math_block_label":
                self._equations_here += 1
                self.equations[token.info] = self._equations_here
                self.homes[token.info] = page
            elif token.type == "heading_open" and following is not None:
                self.titles.setdefault(page, following.content)
                self._add_section(page, label, following.content)
                label = ""
            elif (block := directive(token)) is not None:
                name = block.options.get("name", label)
                if block.name == "table" and name:
                    self.tables[name] = len(self.tables) + 1
                    self.homes[name] = page
                else:
                    self._add_section(page, name, block.argument)
                self._add_text(page, block.body)
                label = ""
            elif token.type == "paragraph_open":
                label = ""

    def _add_section(self, page: str, label: str, title: str) -> None:
        if label:
            self.sections[label] = title
            self.homes[label] = page
