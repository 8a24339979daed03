"""Les citations et la bibliographie d'un notebook, en Markdown : celles du site."""

from dataclasses import dataclass
from typing import Any

from pybtex.backends.markdown import Backend  # type: ignore[import-untyped]

from livre.bibliography import FrenchReferences


class Names(Backend):  # type: ignore[misc]
    """Le Markdown de noms propres : leurs points n'ont pas besoin de barre oblique."""

    def format_str(self, text: str) -> str:
        """Rend le texte tel quel."""
        return text


@dataclass(frozen=True)
class References:
    """Les publications que le livre cite.

    Attributes:
        citations: celles que sphinxcontrib-bibtex a mises en forme pour la bibliographie du site.
    """

    citations: list[Any]

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
        entry = next((cited.entry for cited in self.citations if cited.key == key), None)
        if entry is None:
            raise ValueError(f"référence inconnue : {key}")
        style = FrenchReferences()
        names = style.person.names("author", full=False)
        shown = names.format_data({"entry": entry, "style": style})
        return shown.render(Names()), entry.fields["year"]

    def listing(self) -> str:
        """Rend la liste des publications citées, une par ligne, dans l'ordre du site."""
        if not self.citations:
            raise ValueError("bibliographie vide : aucune page ne cite")
        backend = Backend()
        return "\n".join(f"- {c.formatted_entry.text.render(backend)}" for c in self.citations)
