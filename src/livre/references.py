"""Les citations et la bibliographie d'un notebook, en Markdown."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from pybtex.backends.markdown import Backend  # type: ignore[import-untyped]
from pybtex.database import parse_file  # type: ignore[import-untyped]

from livre.bibliography import FrenchReferences, FrenchStyle


class Names(Backend):  # type: ignore[misc]
    """Le Markdown de noms propres : leurs points n'ont pas besoin de barre oblique."""

    def format_str(self, text: str) -> str:
        """Rend le texte tel quel."""
        return text


class References:
    """Les entrées de ``references.bib``.

    Args:
        file: le fichier ; absent, il donne une bibliographie vide.
    """

    def __init__(self, file: Path) -> None:
        self.entries: Any = parse_file(str(file)).entries if file.exists() else {}

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
        if key not in self.entries:
            raise ValueError(f"référence inconnue : {key}")
        entry = self.entries[key]
        style = FrenchReferences()
        names = style.person.names("author", full=False)
        shown = names.format_data({"entry": entry, "style": style})
        return shown.render(Names()), entry.fields["year"]

    def listing(self, keys: Collection[str]) -> str:
        """Rend la liste des entrées citées, une par ligne."""
        backend = Backend()
        formatted = FrenchStyle().format_entries([self.entries[key] for key in sorted(keys)])
        return "\n".join(f"- {entry.text.render(backend)}" for entry in formatted)
