"""La lecture du MyST des pages, par l'analyseur qui construit le site.

MyST ajoute au Markdown des blocs nommés (« ::: {note} ») et des rôles (« {doc}`…` »). L'analyseur
dit où ils sont : les blocs par leurs lignes, les rôles et les liens par leur place dans le texte.
:mod:`livre.markdown` les récrit ; :mod:`livre.targets` y relève ce qu'on peut citer.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

# Celles de _config.yml ; un test compare les deux listes.
EXTENSIONS = ("amsmath", "colon_fence", "deflist", "dollarmath")

DIRECTIVE = re.compile(r"^\{(?P<name>[^}\s]+)\} *(?P<argument>.*)$")
OPTION = re.compile(r"^ *:(?P<name>[\w-]+): *(?P<value>.*)$")

# Les règles dont on note la place de ce qu'elles reconnaissent.
NOTED = ("myst_role", "link", "image", "html_inline", "autolink", "backticks", "math_inline")
# Ce que l'export recopie.
CODE = {"code_inline", "math_inline", "math_inline_double"}

InlineRule = Callable[[StateInline, bool], bool]


class MystError(ValueError):
    """Un morceau de MyST que l'export ne sait pas récrire."""


@dataclass(frozen=True)
class Directive:
    """Un bloc nommé : « ::: {name} argument », ses options, son texte."""

    name: str
    argument: str
    options: dict[str, str]
    body: str


@dataclass(frozen=True)
class Span:
    """Un rôle, un lien, une image ou une balise ; du code ou une formule.

    Attributes:
        start, end: sa place dans le texte.
        token: ce que l'analyseur y lit : ``myst_role``, ``link_open``, ``image``, ``html_inline``,
            ``code_inline``, ``math_inline``.
    """

    start: int
    end: int
    token: Token


def blocks(text: str) -> list[Token]:
    """Rend les blocs d'un texte, dans l'ordre ; le texte d'une directive y reste entier.

    Raises:
        MystError: un bloc ouvert n'est pas refermé ; l'adresse d'un lien est à part de lui.
    """
    found: dict[str, Any] = {}
    tokens = PARSER.parse(text, found)
    if found.get("references"):
        raise MystError(f"adresse à écrire dans son lien : {', '.join(found['references'])}")
    lines = text.splitlines()
    for token in tokens:
        if token.type in {"fence", "colon_fence"} and token.map:
            start, end = token.map
            last = lines[end - 1].strip().lstrip("> ")
            if end - start < 2 or not last.startswith(token.markup) or last.strip(token.markup[0]):
                raise MystError(f"bloc non refermé : {lines[start].strip()}")
    return tokens


def directive(token: Token) -> Directive | None:
    """Lit la directive qu'un bloc contient ; ``None`` pour un autre bloc, du code par exemple."""
    match = DIRECTIVE.match(token.info.strip())
    if token.type not in {"fence", "colon_fence"} or match is None:
        return None
    rows = token.content.splitlines()
    options = [OPTION.match(row) for row in takewhile(OPTION.match, rows)]
    return Directive(
        match["name"],
        match["argument"],
        {option["name"]: option["value"] for option in options if option},
        "\n".join(rows[len(options) :]).strip("\n"),
    )


def spans(text: str, *, code: bool = False) -> list[Span]:
    """Rend les rôles, les liens, les images et les balises d'un passage.

    Args:
        text: le passage.
        code: rendre aussi le code et les formules.
    """
    found: list[Span] = []
    PARSER.inline.parse(text, PARSER, {"spans": found}, [])
    return [span for span in found if code or span.token.type not in CODE]


def _noting(rule: InlineRule) -> InlineRule:
    """Fait noter à une règle de l'analyseur la place de ce qu'elle reconnaît."""

    def noting(state: StateInline, silent: bool) -> bool:
        start, tokens, noted = state.pos, len(state.tokens), len(state.env["spans"])
        found = rule(state, silent)
        token = next((token for token in state.tokens[tokens:] if token.type != "text"), None)
        if found and not silent and token is not None:
            if token.type == "image":
                del state.env["spans"][noted:]  # son texte, lu à part, compte depuis son début
            state.env["spans"].append(Span(start, state.pos, token))
        return found

    return noting


def _parser() -> MarkdownIt:
    parser = create_md_parser(MdParserConfig(enable_extensions=set(EXTENSIONS)), RendererHTML)
    # L'analyse d'un passage se demande à part, sur ses lignes telles qu'elles sont dans le fichier.
    parser.disable("inline")
    ruler = parser.inline.ruler
    rules = dict(zip(ruler.get_active_rules(), ruler.getRules(""), strict=True))
    for name in NOTED:
        ruler.at(name, _noting(rules[name]))
    return parser


PARSER = _parser()
