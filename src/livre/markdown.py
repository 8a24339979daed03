"""Du MyST au Markdown que Jupyter et Colab affichent.

Une directive ou un rôle que ce module ne connaît pas est une erreur, pas un morceau de MyST laissé
tel quel dans le notebook.
"""

import base64
import mimetypes
import re
from collections.abc import Callable
from html import escape
from pathlib import Path

from livre.references import References
from livre.syntax import TARGET, Code, Directive, Formula, Line, blocks
from livre.targets import Targets

ADMONITIONS = {
    "admonition": "",
    "attention": "Attention",
    "caution": "Prudence",
    "danger": "Danger",
    "error": "Erreur",
    "hint": "Indice",
    "important": "Important",
    "note": "Note",
    "seealso": "Voir aussi",
    "tip": "Astuce",
    "warning": "Avertissement",
    "margin": "",
    "sidebar": "",
    "epigraph": "",
}
# Leur texte suffit ; leur mise en forme n'existe pas dans un notebook.
TRANSPARENT = {"grid", "tab-set", "tab-item", "card", "grid-item-card", "div", "table"}
DROPPED = {"contents", "tableofcontents", "only", "raw"}

# Un rôle, ou du code à laisser tranquille : « `` {cite:p}`…` `` » montre la syntaxe d'un rôle.
ROLE_OR_CODE = re.compile(
    r"(?P<double>``.+?``)|\{(?P<role>[\w:-]+)\}`(?P<text>[^`]+)`|(?P<single>`[^`\n]+`)", re.DOTALL
)
TEXT_AND_LABEL = re.compile(r"^(?P<text>.*?) *<(?P<label>[^<>]+)>$", re.DOTALL)
INTERNAL_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
FOOTNOTE = re.compile(r"\[\^(?P<name>[\w-]+)\](?P<colon>:?)")


class MystError(ValueError):
    """Un morceau de MyST que l'export ne sait pas récrire."""


class Converter:
    """Récrit les cellules de texte d'une page."""

    def __init__(self, page: str, root: Path, targets: Targets, references: References) -> None:
        """Prépare la conversion d'une page.

        Args:
            page: nom de la page, « chapters/classiques/vgg ».
            root: la racine du dépôt, où chercher les images.
            targets: les cibles de tout le livre.
            references: la bibliographie.
        """
        self.page = page
        self.root = root
        self.targets = targets
        self.references = references
        self.notes: dict[str, int] = {}
        self.roles: dict[str, Callable[[str], str]] = {
            "doc": self._doc,
            "numref": self._numref,
            "ref": self._ref,
            "eq": self._eq,
            "term": lambda text: self._split(text)[0],
            "abbr": lambda text: text,
            "kbd": lambda text: f"<kbd>{escape(text)}</kbd>",
            "sub": lambda text: f"<sub>{escape(text)}</sub>",
            "sup": lambda text: f"<sup>{escape(text)}</sup>",
            "code": lambda text: f"`{text}`",
            "math": lambda text: f"${text}$",
            "download": lambda text: self._split(text)[0],
        }

    def convert(self, text: str) -> str:
        """Récrit un texte entier.

        Raises:
            MystError: une directive, un rôle ou un renvoi inconnu.
        """
        parts: list[str] = []
        paragraph: list[str] = []
        for block in blocks(text):
            if isinstance(block, Line):
                paragraph.append(block.text)
                continue
            parts.append(self._lines(paragraph))
            paragraph = []
            if isinstance(block, Code):
                parts.append(block.text)
            elif isinstance(block, Formula):
                parts.append(self._formula(block.latex, block.label))
            else:
                parts.append(self._directive(block))
        parts.append(self._lines(paragraph))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).strip("\n")

    # Les lignes ------------------------------------------------------------------------------

    def _lines(self, lines: list[str]) -> str:
        kept = [line for line in lines if not TARGET.match(line) and not line.startswith("% ")]
        return self.inline("\n".join(_definitions(kept)))

    def inline(self, text: str) -> str:
        """Récrit les rôles, les liens internes et les notes d'un passage."""
        saved: list[str] = []

        def replace(match: re.Match[str]) -> str:
            if not match["role"]:
                saved.append(match[0])
            elif match["role"].startswith("cite:"):
                saved.append(self.references.cite(match["role"], match["text"]))
            elif match["role"] in self.roles:
                saved.append(self.roles[match["role"]](match["text"]))
            else:
                raise MystError(f"rôle inconnu : {match[0]}")
            return f"\0{len(saved) - 1}\0"

        text = ROLE_OR_CODE.sub(replace, text)
        text = INTERNAL_LINK.sub(self._link, text)
        text = FOOTNOTE.sub(self._footnote, text)
        return re.sub(r"\0(\d+)\0", lambda match: saved[int(match[1])], text)

    def _link(self, match: re.Match[str]) -> str:
        text, target = match["text"], match["target"]
        if re.match(r"[a-z]+:", target):
            return match[0]
        page, _, label = target.partition("#")
        if text:
            return text
        return self._ref(label) if label else self._doc(page.removesuffix(".md"))

    def _footnote(self, match: re.Match[str]) -> str:
        number = self.notes.setdefault(match["name"], len(self.notes) + 1)
        return f"<sup>{number}</sup>"

    # Les renvois -----------------------------------------------------------------------------

    @staticmethod
    def _split(text: str) -> tuple[str, str]:
        match = TEXT_AND_LABEL.match(text)
        return (match["text"], match["label"]) if match else (text, text)

    def _doc(self, text: str) -> str:
        shown, target = self._split(text)
        folder = "" if target.startswith("/") else f"{Path(self.page).parent.as_posix()}/"
        page = _normal(f"{folder}{target.lstrip('/')}")
        if page not in self.targets.titles:
            raise MystError(f"page inconnue : {target}")
        return shown if shown != target else f"*{self.inline(self.targets.titles[page])}*"

    def _numref(self, text: str) -> str:
        shown, label = self._split(text)
        for numbers, kind in ((self.targets.figures, "Figure"), (self.targets.tables, "Tableau")):
            if label in numbers:
                form = shown if shown != label else f"{kind} %s"
                number = str(numbers[label])
                return form.replace("%s", number).replace("{number}", number) + self._away(label)
        raise MystError(f"figure inconnue : {label}")

    def _ref(self, text: str) -> str:
        shown, label = self._split(text)
        if shown != label:
            return shown
        if label in self.targets.sections:
            return f"*{self.inline(self.targets.sections[label])}*{self._away(label)}"
        return self._numref(label)

    def _eq(self, label: str) -> str:
        if label not in self.targets.equations:
            raise MystError(f"équation inconnue : {label}")
        return f"({self.targets.equations[label]}){self._away(label)}"

    def _away(self, label: str) -> str:
        """Dit de quelle page vient la cible, si ce n'est pas de celle-ci."""
        home = self.targets.homes[label]
        return "" if home == self.page else f" (page *{self.inline(self.targets.titles[home])}*)"

    # Les blocs -------------------------------------------------------------------------------

    def _formula(self, latex: str, label: str) -> str:
        tag = rf" \tag{{{self.targets.equations[label]}}}" if label else ""
        return f"\n$$\n{latex}{tag}\n$$\n"

    def _directive(self, block: Directive) -> str:
        folded = block.name == "dropdown" or "dropdown" in block.options.get("class", "")
        if folded:
            title = escape(_plain(self.inline(block.argument or "Afficher")))
            body = self.convert(block.body)
            return f"\n<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>\n"
        if block.name in ADMONITIONS:
            return self._admonition(block)
        if block.name in TRANSPARENT:
            # L'argument d'une grille est un nombre de colonnes ; les autres ont un titre.
            title = block.argument.strip("0123456789 ")
            heading = f"**{self.inline(title)}**\n\n" if title else ""
            return f"\n{heading}{self.convert(block.body)}\n"
        if block.name in {"figure", "image"}:
            return self._image(block)
        if block.name == "math":
            return self._formula(block.body, block.options.get("label", ""))
        if block.name in {"code-block", "code", "sourcecode"}:
            return f"\n```{block.argument}\n{block.body}\n```\n"
        if block.name == "glossary":
            return f"\n{self._glossary(block.body)}\n"
        if block.name == "bibliography":
            return f"\n{self.references.listing(self.targets.cited)}\n"
        if block.name in DROPPED:
            return ""
        raise MystError(f"directive inconnue : {{{block.name}}}")

    def _admonition(self, block: Directive) -> str:
        title = ADMONITIONS[block.name]
        body = self.convert(block.body)
        if block.name in {"admonition", "sidebar"}:
            title = self.inline(block.argument)
        elif block.argument:
            body = f"{self.inline(block.argument)}\n{body}".strip()
        text = f"**{title}**\n\n{body}" if title else body
        return "\n" + "\n".join(f"> {line}".rstrip() for line in text.splitlines()) + "\n"

    def _image(self, block: Directive) -> str:
        source, alt = block.argument.strip(), block.options.get("alt", "")
        if not re.match(r"https?:", source):
            base = self.root if source.startswith("/") else (self.root / self.page).parent
            file = base / source.lstrip("/")
            kind = mimetypes.guess_type(file.name)[0]
            source = f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"
        caption = self.caption(block.body, block.options.get("name", "")) if block.body else ""
        return f"\n![{alt}]({source})\n\n{caption}\n"

    def caption(self, text: str, label: str) -> str:
        """Rend la légende d'une figure, précédée de son numéro si elle en a un."""
        number = self.targets.figures.get(label)
        body = self.convert(text)
        return f"**Figure {number}.** {body}" if number else body

    def _glossary(self, body: str) -> str:
        rows: list[str] = []
        for line in body.splitlines():
            if line and not line[0].isspace():
                rows += ["", line]
            elif line.strip():
                starts = bool(rows[-1]) and not rows[-1].startswith(":")
                rows.append(f":   {line.strip()}" if starts else line.strip())
            else:
                rows.append(line)
        return self._lines(rows)


def _definitions(lines: list[str]) -> list[str]:
    """Récrit « terme » suivi de « : définition » : le terme en gras, puis sa définition."""
    rows: list[str] = []
    for line in lines:
        if re.match(r"^: +\S", line) and rows and rows[-1].strip():
            rows[-1] = f"**{rows[-1].strip()}**  "
            rows.append(line[1:].strip())
        else:
            rows.append(line)
    return rows


def _plain(text: str) -> str:
    """Retire les marques d'emphase et de code, qu'une balise ``<summary>`` montrerait."""
    return re.sub(r"[*_`]+", "", text)


def _normal(page: str) -> str:
    """Résout les « . » et « .. » d'un nom de page."""
    parts: list[str] = []
    for part in page.split("/"):
        if part == "..":
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)
