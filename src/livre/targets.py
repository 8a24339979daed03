"""Ce vers quoi un renvoi peut pointer : pages, sections, figures, tableaux, équations.

Sphinx l'a relevé et numéroté pour le site ; l'export des notebooks le lit au même endroit. Une
figure a donc le même numéro des deux côtés.
"""

from dataclasses import dataclass
from typing import Any

from livre.myst import MystError


@dataclass(frozen=True)
class Targets:
    """Les cibles de tout le livre.

    Attributes:
        env: ce que Sphinx sait des pages, une fois qu'il les a toutes lues.
    """

    env: Any

    def title(self, page: str) -> str:
        """Rend le titre d'une page."""
        if page not in self.env.titles:
            raise MystError(f"page inconnue : {page}")
        return str(self.env.titles[page].astext())

    def numbered(self, label: str) -> tuple[str, str]:
        """Rend la page d'une figure ou d'un tableau, et « Figure 3 » ou « Tableau 1 »."""
        page, anchor = self.env.domains["std"].anonlabels.get(label, ("", ""))
        for kind, numbers in self.env.toc_fignumbers.get(page, {}).items():
            if anchor in numbers and kind in {"figure", "table"}:
                return page, self.env.config.numfig_format[kind] % ".".join(
                    map(str, numbers[anchor])
                )
        raise MystError(f"figure ou tableau sans nom, sans légende ou inconnu : « {label} »")

    def equation(self, label: str) -> tuple[str, int]:
        """Rend la page et le numéro d'une équation."""
        equations: dict[str, tuple[str, int]] = self.env.domains["math"].equations
        if label not in equations:
            raise MystError(f"équation inconnue : {label}")
        return equations[label]

    def section(self, label: str) -> tuple[str, str]:
        """Rend la page et le titre de ce que l'étiquette « (label)= » précède."""
        labels = self.env.domains["std"].labels
        if label not in labels:
            raise MystError(f"section inconnue : {label}")
        page, _, title = labels[label]
        return page, str(title)
