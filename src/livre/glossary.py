"""Les mots du glossaire, liés à leur définition la première fois qu'une page les emploie.

Les sources n'en disent rien : un mot ajouté au glossaire se lie partout, et un notebook exporté
garde un texte sans renvois.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform

# Des mots que la langue courante emploie aussi, dans un autre sens : on ne les lie pas.
COMMON = {"attention", "carte", "groupes", "pas", "poids", "précision"}
# Là où un lien gênerait la lecture, ou n'est pas de la prose.
CLOSED = (
    nodes.reference,
    nodes.title,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.raw,
    nodes.citation,
    nodes.caption,
)


@dataclass(frozen=True)
class Term:
    """Un mot du glossaire : sa page, son ancre, sa définition en texte nu."""

    page: str
    anchor: str
    definition: str


def terms(env: BuildEnvironment) -> dict[str, Term]:
    """Les mots à lier, du plus long au plus court : « réglage fin » passe avant « réglage »."""
    found = {}
    for name, _, kind, page, anchor, _ in env.domains["std"].get_objects():
        if kind != "term" or name in COMMON:
            continue
        for item in env.get_doctree(page).findall(nodes.definition_list_item):
            if anchor in item[0]["ids"]:
                found[name] = Term(page, anchor, item[-1].astext().replace("\n", " "))
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))


def pattern(names: list[str]) -> re.Pattern[str]:
    """Reconnaît ces mots, au singulier ou au pluriel ; un groupe par mot, dans l'ordre."""
    words = [[re.escape(word).replace("'", "['’]") for word in name.split()] for name in names]
    forms = ["[ \u00a0\\n]".join(f"{word}[sx]?" for word in each) for each in words]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(f'({form})' for form in forms)})(?![\w-])", re.I)


def prose(document: nodes.document) -> Iterator[nodes.Text]:
    """Les morceaux de texte des paragraphes, hors du code, des titres et des liens."""
    for text in list(document.findall(nodes.Text)):
        around = list(ancestors(text))
        closed = any(node.get("nb_element") or isinstance(node, CLOSED) for node in around)
        if not closed and any(isinstance(node, nodes.paragraph) for node in around):
            yield text


def ancestors(node: nodes.Node) -> Iterator[Any]:
    """Ce qui contient un nœud, du plus proche à la page."""
    while (node := node.parent) is not None:
        yield node


class LinkTerms(SphinxPostTransform):
    """Lie chaque mot du glossaire, une fois par page ; sa définition est le titre du lien."""

    default_priority = 300  # une fois les renvois résolus : un lien ne se met pas dans un lien
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Récrit les paragraphes de la page."""
        here = self.env.docname
        known = {name: t for name, t in terms(self.env).items() if t.page != here}
        if not known:
            return
        names, told = [*known], set()
        expression = pattern(names)
        for text in prose(self.document):
            parts: list[nodes.Node] = []
            rest, end = text.astext(), 0
            for match in expression.finditer(rest):
                name = names[match.lastindex - 1]  # type: ignore[operator]
                if name in told:
                    continue
                told.add(name)
                parts += [nodes.Text(rest[end : match.start()]), self._link(match[0], known[name])]
                end = match.end()
            if parts:
                text.parent.replace(text, [*parts, nodes.Text(rest[end:])])

    def _link(self, shown: str, term: Term) -> nodes.reference:
        builder = self.app.builder
        uri = f"{builder.get_relative_uri(self.env.docname, term.page)}#{term.anchor}"
        return nodes.reference(
            "", shown, internal=True, refuri=uri, reftitle=term.definition, classes=["terme"]
        )


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], _: Any) -> Any:
    """Récrit toutes les pages quand le glossaire change : elles montrent ses définitions."""
    pages = {page for _, _, kind, page, *_ in env.domains["std"].get_objects() if kind == "term"}
    return env.found_docs if pages & (added | changed) else []


def setup(app: Sphinx) -> None:
    """Lie les mots à l'écriture des pages."""
    app.add_post_transform(LinkTerms)
    app.connect("env-get-outdated", outdated)
