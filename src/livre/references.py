"""Les citations et la bibliographie d'un notebook, en Markdown."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pybtex.backends.markdown import Backend  # type: ignore[import-untyped]
from pybtex.database import parse_file  # type: ignore[import-untyped]

from livre.bibliography import FrenchStyle


class References:
    """Les entrées de ``references.bib``."""

    def __init__(self, file: Path) -> None:
        """Lit le fichier ; un fichier absent donne une bibliographie vide."""
        self.data: Any = parse_file(str(file)) if file.exists() else None

    def cite(self, role: str, keys: str) -> str:
        """Rend « (He et al., 2016) » pour ``cite:p``, « He et al. (2016) » pour ``cite:t``.

        Raises:
            ValueError: une clé qui n'est pas dans la bibliographie, un rôle qu'on n'emploie pas.
        """
        pairs = [self._author_and_year(key.strip()) for key in keys.split(",")]
        if role == "cite:p":
            return f"({' ; '.join(f'{author}, {year}' for author, year in pairs)})"
        if role == "cite:t":
            return " ; ".join(f"{author} ({year})" for author, year in pairs)
        raise ValueError(f"rôle inconnu : {role} ; employer cite:p ou cite:t")

    def _author_and_year(self, key: str) -> tuple[str, str]:
        if self.data is None or key not in self.data.entries:
            raise ValueError(f"référence inconnue : {key}")
        entry = self.data.entries[key]
        people = entry.persons.get("author") or entry.persons.get("editor") or []
        names = [" ".join(str(name) for name in person.rich_last_names) for person in people]
        if len(names) > 2:
            author = f"{names[0]} *et al.*"
        else:
            author = " et ".join(names) or re.sub(r"[{}]", "", entry.fields["title"])
        return author, entry.fields["year"]

    def listing(self, keys: Collection[str]) -> str:
        """Rend la liste des entrées citées, une par ligne."""
        if self.data is None or not keys:
            return ""
        formatted = FrenchStyle().format_bibliography(self.data, sorted(keys))
        backend = Backend()
        return "\n".join(f"- {entry.text.render(backend)}" for entry in formatted)
