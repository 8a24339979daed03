"""Du MyST au Markdown que Jupyter et Colab affichent.

L'analyseur dit quelles lignes récrire ; les autres sont recopiées telles quelles. Un bloc, une
directive ou un rôle que ce module ne connaît pas est une erreur, pas un morceau de MyST laissé dans
le notebook : une page qui en a besoin l'ajoute ici.
"""

import base64
import mimetypes
import posixpath
import re
from collections.abc import Callable
from html import escape
from pathlib import Path

from markdown_it.token import Token

from livre.myst import Directive, MystError, Span, blocks, directive, spans
from livre.references import References
from livre.targets import Targets

TEXT_AND_LABEL = re.compile(r"^(?P<text>.*?) *<(?P<label>[^<>]+)>$", re.DOTALL)
ADDRESS = re.compile(r"[a-z]+:")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
# Les blocs de Markdown qui se recopient, ou que ce module récrit ; les autres sont refusés.
BLOCKS = {
    *("heading", "paragraph", "bullet_list", "ordered_list", "list_item", "blockquote"),
    *("table", "thead", "tbody", "tr", "th", "td", "inline", "hr", "code_block", "fence"),
    *("colon_fence", "math_block", "math_block_label", "myst_target", "myst_line_comment"),
}
# Un passage de texte à remplacer : son début, sa fin, ce qu'on y écrit.
Edit = tuple[int, int, str]


class Converter:
    """Récrit les cellules de texte d'une page.

    Args:
        page: nom de la page, « chapters/classiques/vgg ».
        root: la racine du dépôt, où chercher les images.
        targets: les cibles de tout le livre.
        references: la bibliographie.
        site: l'adresse du site, où mènent les renvois ; vide, ils mènent aux notebooks voisins.
    """

    def __init__(
        self, page: str, root: Path, targets: Targets, references: References, site: str = ""
    ) -> None:
        self.page = page
        self.root = root
        self.targets = targets
        self.references = references
        self.site = site
        self.roles: dict[str, Callable[[str], str]] = {
            "doc": self._doc,
            "numref": self._numref,
            "ref": self._ref,
            "eq": self._eq,
            "download": self._download,
        }
        self.directives: dict[str, Callable[[Directive], str]] = {
            "admonition": lambda block: self._quoted(self.inline(block.argument), block),
            "note": lambda block: self._quoted("Note", block),
            "warning": lambda block: self._quoted("Avertissement", block),
            "dropdown": self._dropdown,
            "table": self._table,
            "glossary": self._glossary,
            "bibliography": lambda block: self.references.listing(),
        }

    def convert(self, text: str) -> str:
        """Récrit un texte entier.

        Raises:
            MystError: un bloc, une directive, un rôle ou un renvoi inconnu, un bloc non refermé ;
                tous ceux du texte, un par ligne.
        """
        lines = text.splitlines()
        written: list[str | None] = list(lines)
        problems: list[str] = []
        for token in blocks(text):
            start, end = token.map or (0, 0)
            try:
                new = self._rewritten(token, lines[start:end])
            except (ValueError, OSError) as problem:
                problems.append(str(problem))
                continue
            if new is None or start == end:
                continue
            if new and token.type != "inline":
                # Un bloc récrit est séparé du texte qui l'entoure.
                new = "\n" * bool(start and lines[start - 1].strip()) + new
                new += "\n" * bool(end < len(lines) and lines[end].strip())
            written[start:end] = [new or None, *[None] * (end - start - 1)]
        if problems:
            raise MystError("\n".join(problems))
        return "\n".join(row for row in written if row is not None).strip("\n")

    def _rewritten(self, token: Token, lines: list[str]) -> str | None:
        """Rend ce qui remplace ces lignes : rien (""), ou elles-mêmes (``None``)."""
        text = "\n".join(lines)
        if re.sub("_(open|close)$", "", token.type) not in BLOCKS:
            raise MystError(f"bloc inconnu ({token.type}) : {token.content or text}")
        if not lines:
            return None
        if token.type in {"myst_target", "myst_line_comment"}:
            return ""
        if token.type == "inline":
            return self.inline(text)
        if token.type in {"math_block", "math_block_label"}:
            label = rf" \tag{{{self.targets.equation(token.info)[1]}}}" if token.info else ""
            return _indented(f"$$\n{token.content.strip()}{label}\n$$", token, lines[0])
        block = directive(token)
        if block is None:
            return None
        if block.name not in self.directives:
            raise MystError(f"directive inconnue : {{{block.name}}}")
        return _indented(self.directives[block.name](block), token, lines[0])

    # Le texte --------------------------------------------------------------------------------

    def inline(self, text: str) -> str:
        """Récrit les rôles et les images d'un passage."""
        edits = [edit for span in spans(text) for edit in self._edits(text, span)]
        for start, end, new in sorted(edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def _edits(self, text: str, span: Span) -> list[Edit]:
        token = span.token
        if token.type == "myst_role":
            return [(span.start, span.end, self._role(token.meta["name"], token.content))]
        address = str(token.attrGet("href") or token.attrGet("src") or "")
        if ADDRESS.match(address):
            return []
        if token.type == "image":
            return [(span.start, span.end, f"![{token.content}]({self._embedded(address)})")]
        raise MystError(
            f"à écrire avec {{doc}}, {{ref}} ou ![…](…) : {text[span.start : span.end]}"
        )

    def _role(self, name: str, text: str) -> str:
        if name.startswith("cite:"):
            return self.references.cite(name, text)
        if name not in self.roles:
            raise MystError(f"rôle inconnu : {{{name}}}`{text}`")
        return self.roles[name](text)

    def _embedded(self, source: str) -> str:
        """Rend une image du dépôt comme une adresse qui la contient : le notebook voyage seul."""
        file = self.root / self._absolute(source)
        kind = mimetypes.guess_type(file.name)[0]
        return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"

    # Les renvois -----------------------------------------------------------------------------

    def _absolute(self, path: str) -> str:
        """Rend un chemin depuis la racine : « /a/b » en part, « ../b » part de la page."""
        return posixpath.normpath(
            posixpath.join("/", posixpath.dirname(self.page), path)
        ).removeprefix("/")

    @staticmethod
    def _split(text: str) -> tuple[str, str]:
        match = TEXT_AND_LABEL.match(text)
        return (match["text"], match["label"]) if match else ("", text)

    def _doc(self, text: str) -> str:
        shown, target = self._split(text)
        page = self._absolute(target)
        return self._link(page, shown or f"*{self.targets.title(page)}*")

    def _numref(self, label: str) -> str:
        page, shown = self.targets.numbered(label)
        return shown + self._away(page, label)

    def _ref(self, text: str) -> str:
        shown, label = self._split(text)
        page, title = self.targets.section(label)
        if page != self.page and shown:
            return self._link(page, shown, label)
        return shown or f"*{title}*{self._away(page, label)}"

    def _eq(self, label: str) -> str:
        page, number = self.targets.equation(label)
        return f"({number}){self._away(page, f'equation-{label}')}"

    def _download(self, text: str) -> str:
        """Nomme un fichier du dépôt : le paquet installé l'apporte, le notebook ne l'a pas."""
        path = self._absolute(self._split(text)[1])
        if not (self.root / path).is_file():
            raise MystError(f"fichier inconnu : {path}")
        return f"`{path}`"

    def _away(self, page: str, anchor: str) -> str:
        """Mène à la page de la cible, si ce n'est pas celle-ci."""
        if page == self.page:
            return ""
        return f" (page {self._link(page, f'*{self.targets.title(page)}*', anchor)})"

    def _link(self, page: str, text: str, anchor: str = "") -> str:
        """Rend un lien vers une page du site ou, sans son adresse, vers le notebook voisin."""
        if self.site:
            return f"[{text}]({self.site}{page}.html{f'#{anchor}' if anchor else ''})"
        near = posixpath.relpath(page, posixpath.dirname(self.page) or ".")
        return f"[{text}]({near}.ipynb)"

    # Les blocs -------------------------------------------------------------------------------

    def _quoted(self, title: str, block: Directive) -> str:
        body = self.convert(block.body)
        if block.name != "admonition" and block.argument:
            body = f"{self.inline(block.argument)}\n{body}".strip()
        rows = [f"**{title}**", "", *body.splitlines()]
        return "\n".join(f"> {row}" if row else ">" for row in rows)

    def _dropdown(self, block: Directive) -> str:
        # Une balise <summary> montrerait les marques d'emphase, de code et de lien.
        shown = LINK.sub(r"\1", self.inline(block.argument or "Afficher"))
        title = escape(re.sub(r"[*_`]+", "", shown))
        body = self.convert(block.body)
        return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"

    def _table(self, block: Directive) -> str:
        caption = self.caption(block.argument, block.options.get("name", ""))
        return f"{caption}\n\n{self.convert(block.body)}"

    def _glossary(self, block: Directive) -> str:
        """Écrit chaque terme en gras au-dessus de sa définition, que l'indentation distingue."""
        if not block.body.strip():
            raise MystError("glossaire vide")
        return self.inline(
            "\n".join(
                f"**{row}**  " if row and not row[0].isspace() else row.lstrip()
                for row in block.body.splitlines()
            )
        )

    def caption(self, text: str, label: str) -> str:
        """Rend la légende d'une figure ou d'un tableau, précédée de son numéro sur le site.

        Raises:
            MystError: pas de légende, ou pas de nom : on ne saurait pas quel est son numéro.
        """
        if not text:
            raise MystError(f"légende absente : « {label} »")
        return f"**{self.targets.numbered(label)[1]}.** {self.convert(text)}"


def _indented(text: str, token: Token, line: str) -> str:
    """Remet un bloc récrit dans la liste ou la citation qui le tenait."""
    first = line[: line.index(token.markup)] if token.level else ""
    rows = text.splitlines() or [""]
    following = re.sub(r"[^>]", " ", first)
    return "\n".join(
        [first + rows[0], *(following + row if row else following.rstrip() for row in rows[1:])]
    )
