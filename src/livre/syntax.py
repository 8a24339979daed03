"""Le découpage du texte MyST en morceaux : lignes, directives, formules, code.

MyST ajoute au Markdown des blocs nommés (« ::: {note} ») et des rôles (« {doc}`…` »). Ce module
les reconnaît ; :mod:`livre.markdown` les récrit.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml  # type: ignore[import-untyped]

FENCE = re.compile(r"^(?P<indent> *)(?P<fence>:{3,}|`{3,}|~{3,}) *(?P<info>.*?) *$")
DIRECTIVE = re.compile(r"^\{(?P<name>[\w:+-]+)\} *(?P<argument>.*)$")
OPTION = re.compile(r"^:(?P<name>[\w-]+): *(?P<value>.*)$")
DOLLARS = re.compile(r"^ *\$\$")
# Une étiquette seule sur sa ligne, « (etiquette)= » ; une étiquette d'équation, « $$ (eq-nom) ».
TARGET = re.compile(r"^\((?P<label>[^()]+)\)= *$")
EQUATION_LABEL = re.compile(r"\$\$ *\((?P<label>[^()]+)\) *$")


@dataclass(frozen=True)
class Line:
    """Une ligne ordinaire."""

    text: str


@dataclass(frozen=True)
class Code:
    """Un bloc de code, recopié tel quel, clôtures comprises."""

    text: str


@dataclass(frozen=True)
class Formula:
    """Une formule sur sa ligne ; ``label`` est vide si elle n'est pas numérotée."""

    latex: str
    label: str


@dataclass(frozen=True)
class Directive:
    """Un bloc nommé : « ::: {name} argument », ses options, son texte."""

    name: str
    argument: str
    body: str
    options: dict[str, str] = field(default_factory=dict)


Block = Line | Code | Formula | Directive


def blocks(text: str) -> Iterator[Block]:
    """Découpe un texte en morceaux, dans l'ordre ; un bloc imbriqué reste dans celui qui le tient.

    Raises:
        ValueError: un bloc ouvert n'est pas refermé.
    """
    lines = iter(text.splitlines())
    for line in lines:
        fence = FENCE.match(line)
        if DOLLARS.match(line):
            yield _formula(line, lines)
        elif fence is None or (fence["fence"][0] == "`" and "`" in fence["info"]):
            yield Line(line)
        else:
            body = _until_closed(fence["fence"], lines, line)
            directive = DIRECTIVE.match(fence["info"])
            if directive is None:
                yield Code("\n".join([line, *body, fence["indent"] + fence["fence"]]))
            else:
                indent = fence["indent"]
                options, rest = _options([row.removeprefix(indent) for row in body])
                yield Directive(directive["name"], directive["argument"], rest, options)


def _until_closed(fence: str, lines: Iterator[str], opening: str) -> list[str]:
    """Lit jusqu'à la clôture ; un bloc intérieur de même signe a une clôture plus courte."""
    body: list[str] = []
    for line in lines:
        stripped = line.strip()
        if len(stripped) >= len(fence) and set(stripped) == {fence[0]}:
            return body
        body.append(line)
    raise ValueError(f"bloc non refermé : {opening.strip()}")


def _formula(line: str, lines: Iterator[str]) -> Formula:
    rows = [line]
    while not re.search(r"\$\$ *(\([^()]+\))? *$", "\n".join(rows).lstrip()[2:]):
        following = next(lines, None)
        if following is None:
            raise ValueError(f"formule non refermée : {line.strip()}")
        rows.append(following)
    source = "\n".join(rows).strip()
    label = EQUATION_LABEL.search(source)
    latex = source[2 : source.rindex("$$")].strip()
    return Formula(latex, label["label"] if label else "")


def _options(body: list[str]) -> tuple[dict[str, str], str]:
    """Sépare les options (« :nom: valeur », ou un en-tête YAML) du texte qui suit."""
    if body and body[0].strip() == "---":
        end = next(i for i, row in enumerate(body[1:], 1) if row.strip() == "---")
        loaded = yaml.safe_load("\n".join(body[1:end])) or {}
        return {str(k): str(v) for k, v in loaded.items()}, "\n".join(body[end + 1 :]).strip("\n")
    options = {}
    count = 0
    for row in body:
        match = OPTION.match(row.strip())
        if match is None:
            break
        options[match["name"]] = match["value"]
        count += 1
    return options, "\n".join(body[count:]).strip("\n")
