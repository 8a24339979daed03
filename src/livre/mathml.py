"""Les formules : du LaTeX des chapitres au MathML des pages, pendant la construction.

Le navigateur reçoit des formules toutes faites : ni JavaScript, ni requête vers un autre site.
latex2mathml laisse passer sans rien dire ce qu'il ne connaît pas, et écrit quelques formes que les
navigateurs n'affichent pas : on vérifie, et on récrit. Une formule qui ne se traduit pas donne un
avertissement ; la construction, lancée avec ``-W``, échoue.
"""

import re
from html import escape
from typing import Any
from xml.etree import ElementTree as ET

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

NAMESPACE = "http://www.w3.org/1998/Math/MathML"

# Nombre d'enfants que MathML exige ; une formule inachevée (« \frac{a} ») n'en a pas assez.
ARITY = {
    **dict.fromkeys(("mfrac", "mroot", "msub", "msup", "mover", "munder"), 2),
    **dict.fromkeys(("msubsup", "munderover"), 3),
}

# Ce dont les bornes se placent dessous et dessus dans une formule centrée, à côté dans le texte.
WITH_LIMITS = {"max", "min", "sup", "inf", "lim", "∑", "∏", "⋃", "⋂"}
LIMITS = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}

# Des signes que latex2mathml écrit avec un caractère voisin.
SIMILAR, ACCENTS = {"~": "∼"}, {"^": "ˆ", "~": "˜"}

# Ce que seuls « \left » et « \right » agrandissent : le navigateur, lui, le ferait toujours.
FENCES = set("|‖⟨⟩")


class FormulaError(ValueError):
    """La formule ne se traduit pas ; le message dit pourquoi."""


def to_mathml(latex: str, *, display: bool) -> str:
    """Traduit une formule LaTeX en un élément ``<math>``.

    Args:
        latex: la formule, sans ses dollars.
        display: vrai pour une formule centrée sur sa propre ligne.

    Raises:
        FormulaError: une commande inconnue, un argument manquant, une accolade de trop…
    """
    # latex2mathml connaît « max », pas « arg ».
    source = re.sub(r"\\arg(?![a-zA-Z])", r"\\operatorname{arg}\\,", latex.strip())
    try:
        root = ET.fromstring(convert(source, display="block" if display else "inline"))
    except Exception as error:  # les exceptions de latex2mathml n'ont pas de classe commune
        raise FormulaError(f"{type(error).__name__} {error}".strip()) from error
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{NAMESPACE}}}")
    _check(root)
    _tidy(root)
    if display:
        _place_limits(root)
    root.set("xmlns", NAMESPACE)
    return ET.tostring(root, encoding="unicode")


def _check(root: ET.Element) -> None:
    for element in root.iter():
        if (element.text or "").startswith("\\"):
            raise FormulaError(f"commande inconnue : {element.text}")
        if element.tag == "mi" and element.text in {"&", "{", "}"}:
            raise FormulaError(f"signe « {element.text} » inattendu")
        if element.get("linebreak") or element.get("mathvariant", "normal") != "normal":
            # Les navigateurs n'en tiennent pas compte.
            raise FormulaError(f"forme que les navigateurs n'affichent pas : {element.attrib}")
        expected = ARITY.get(element.tag)
        if expected is not None and len(element) != expected:
            raise FormulaError(f"il manque un argument ({element.tag})")


def _tidy(root: ET.Element) -> None:
    """Récrit sur place ce que les navigateurs n'affichent pas bien."""
    for parent in list(root.iter()):
        _join_decimals(parent)
        if parent.tag in {"mover", "munder"} and parent[1].text in ACCENTS:
            parent[1].text = ACCENTS[parent[1].text]
    for element in root.iter():
        if element.tag == "mi" and element.text in SIMILAR:
            element.tag, element.text = "mo", SIMILAR[element.text]
        if element.tag == "mo" and element.text in FENCES and not element.attrib:
            element.set("stretchy", "false")
        if element.tag in {"mi", "mo"} and _is_function_name(element):
            element.tag = "mo"
            element.set("lspace", "0.1em")
            element.set("rspace", "0.167em")
        if element.tag == "mspace":
            width = element.get("width", "0em")
            element.set("width", width.replace("negativethinmathspace", "-0.167em"))


def _place_limits(root: ET.Element) -> None:
    """Place les bornes sous les opérateurs, plutôt qu'à côté."""
    for element in root.iter():
        if element.tag in LIMITS and element[0].text in WITH_LIMITS:
            element.tag = LIMITS[element.tag]
            # Dans une fraction ou un indice, le navigateur les remet à côté.
            element[0].set("movablelimits", "true")


def _is_function_name(element: ET.Element) -> bool:
    """Dit si l'élément est un nom de fonction : log, max… ; il lui faut une espace après."""
    text = element.text or ""
    return len(text) > 1 and text.isascii() and text.isalpha()


def _join_decimals(parent: ET.Element) -> None:
    """Réunit « 1 {,} 5 » en un seul nombre : la virgule décimale n'est pas suivie d'une espace."""
    children = list(parent)
    for before, comma, after in zip(children, children[1:], children[2:], strict=False):
        is_comma = comma.tag == "mrow" and len(comma) == 1 and comma[0].text == ","
        if is_comma and before.tag == after.tag == "mn":
            after.text = f"{before.text},{after.text}"
            parent.remove(before)
            parent.remove(comma)


def _render(self: Any, node: nodes.Element, *, display: bool) -> str:
    try:
        return to_mathml(node.astext(), display=display)
    except FormulaError as error:
        told = f"formule illisible dans {self.builder.current_docname} : « {node.astext()} »"
        logger.warning("%s (%s)", told, error, location=node, type="livre", subtype="formule")
        return f"<code>{escape(node.astext())}</code>"


def visit_inline(self: Any, node: nodes.Element) -> None:
    """Écrit une formule dans le fil du texte."""
    self.body.append(f'<span class="formule">{_render(self, node, display=False)}</span>')
    raise nodes.SkipNode


def visit_block(self: Any, node: nodes.Element) -> None:
    """Écrit une formule sur sa ligne, avec son ancre et son numéro si elle en a un."""
    self.body.append(self.starttag(node, "div", CLASS="formule-bloc"))
    # Une formule plus large que l'écran défile dans sa boîte, au clavier aussi.
    self.body.append('<div class="formule-boite" role="group" tabindex="0" aria-label="Formule">')
    self.body.append(_render(self, node, display=True))
    self.body.append("</div>")
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Lien vers cette équation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def refuse_in_titles(app: Sphinx, document: nodes.document) -> None:
    """Avertit d'une formule dans le titre d'une section : le sommaire en montrerait le LaTeX."""
    for title in document.findall(nodes.title):
        # Le titre d'un encadré, lui, reste dans la page.
        if isinstance(title.parent, nodes.section) and title.next_node(nodes.math):
            told = f"formule dans un titre de {app.env.docname} : « {title.astext()} »"
            logger.warning(told, location=title, type="livre", subtype="formule")


def setup(app: Sphinx) -> None:
    """Enregistre le rendu « mathml », que ``_config.yml`` choisit."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.connect("doctree-read", refuse_in_titles)
