"""Ce vers quoi un renvoi peut pointer : figures, équations, sections, pages.

Sphinx le sait pendant la construction ; l'export des notebooks n'a que les fichiers. Il compte donc
les figures comme Sphinx, d'un bout à l'autre du sommaire, et les équations page par page : une
figure a le même numéro dans le notebook et sur le site (un test le vérifie).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from livre.syntax import TARGET, Directive, Formula, Line, blocks

HEADING = re.compile(r"^#{1,6} +(?P<title>.+?) *$")
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
            else:
                figure = cell["metadata"].get("mystnb", {}).get("figure", {})
                if "name" in figure:
                    self._add_figure(page, figure["name"], self.figures)

    def _add_figure(self, page: str, label: str, numbers: dict[str, int]) -> None:
        numbers[label] = len(numbers) + 1
        self.homes[label] = page

    def _add_text(self, page: str, text: str) -> None:
        self.cited.update(
            key.strip() for match in CITATION.finditer(text) for key in match["keys"].split(",")
        )
        label = ""
        for block in blocks(text):
            if isinstance(block, Line):
                label = self._add_line(page, block.text, label)
            elif isinstance(block, Formula):
                self._add_equation(page, block.label)
            elif isinstance(block, Directive):
                self._add_directive(page, block, label)
                label = ""

    def _add_line(self, page: str, line: str, label: str) -> str:
        """Lit une ligne ; rend l'étiquette qui attend sa cible, s'il y en a une."""
        target, heading = TARGET.match(line), HEADING.match(line)
        if target:
            return target["label"]
        if heading:
            self.titles.setdefault(page, heading["title"])
            if label:
                self.sections[label] = heading["title"]
                self.homes[label] = page
        return label if not line.strip() else ""

    def _add_equation(self, page: str, label: str) -> None:
        if label:
            self._equations_here += 1
            self.equations[label] = self._equations_here
            self.homes[label] = page

    def _add_directive(self, page: str, block: Directive, label: str) -> None:
        name = block.options.get("name", label)
        if block.name == "figure" and name:
            self._add_figure(page, name, self.figures)
        elif block.name in {"table", "list-table"} and name:
            self._add_figure(page, name, self.tables)
        elif block.name == "math":
            self._add_equation(page, block.options.get("label", ""))
        elif name:
            self.sections[name] = block.argument
            self.homes[name] = page
        if block.name not in {"math", "figure", "code-block"}:
            self._add_text(page, block.body)
