"""Les citations et la bibliographie d'un notebook, en Markdown : celles du site."""

from dataclasses import dataclass, field
from typing import Any

from pybtex.backends.markdown import Backend  # type: ignore[import-untyped]

from livre.bibliography import ADDRESSES, FrenchReferences


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
        cited: les clés que :meth:`cite` a rencontrées.
    """

    citations: list[Any]
    cited: set[str] = field(default_factory=set)

    def cite(self, role: str, keys: str) -> str:
        """Rend « (He et al., 2016) » pour ``cite:p``, « He et al. (2016) » pour ``cite:t``.

        Chaque renvoi mène à la publication.

        Raises:
            ValueError: une clé qui n'est pas dans la bibliographie, un rôle qu'on n'emploie pas.
        """
        found = [self._entry(key.strip()) for key in keys.split(",")]
        named = [(_authors(entry), entry.fields["year"], _address(entry)) for entry in found]
        if role == "cite:p":
            shown = [_linked(f"{author}, {year}", address) for author, year, address in named]
            return f"({' ; '.join(shown)})"
        if role == "cite:t":
            shown = [_linked(f"{author} ({year})", address) for author, year, address in named]
            return " ; ".join(shown)
        raise ValueError(f"rôle inconnu : {role} ; employer cite:p ou cite:t")

    def _entry(self, key: str) -> Any:
        entry = next((cited.entry for cited in self.citations if cited.key == key), None)
        if entry is None:
            raise ValueError(f"référence inconnue : {key}")
        self.cited.add(key)
        return entry

    def listing_of_cited(self) -> str:
        """Rend les publications que la page a citées, une par ligne, dans l'ordre du site."""
        return _listing([one for one in self.citations if one.key in self.cited])

    def listing(self) -> str:
        """Rend la liste des publications citées, une par ligne, dans l'ordre du site."""
        if not self.citations:
            raise ValueError("bibliographie vide : aucune page ne cite")
        return _listing(self.citations)


def _listing(citations: list[Any]) -> str:
    backend = Backend()
    return "\n".join(f"- {c.formatted_entry.text.render(backend)}" for c in citations)


def _authors(entry: Any) -> str:
    style = FrenchReferences()
    shown = style.person.names("author", full=False).format_data({"entry": entry, "style": style})
    return str(shown.render(Names()))


def _address(entry: Any) -> str:
    """L'adresse de la publication : celle que donne aussi la bibliographie."""
    for name, start in ADDRESSES.items():
        if name in entry.fields:
            return f"{start}{entry.fields[name]}"
    return ""


def _linked(text: str, address: str) -> str:
    # Une parenthèse, permise dans un DOI, fermerait le lien.
    escaped = address.replace("(", "%28").replace(")", "%29")
    return f"[{text}]({escaped})" if address else text
