"""La typographie française : apostrophes courbes, espaces insécables, partout où l'on lit.

Les sources gardent l'apostrophe et l'espace du clavier. Le site et les notebooks reçoivent celles
de l'imprimeur une fois écrits : titres, légendes, sorties des cellules, dessins, textes des boutons
et des images. Le code, les formules et les adresses ne changent pas d'un signe.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

from livre.myst import blocks, spans

LETTER = r"[^\W\d_]"
# Après b, r, f ou u seuls, l'apostrophe ouvre une chaîne de Python : rien ne s'élide ainsi.
APOSTROPHE = re.compile(rf"(?<={LETTER})(?<!\b[bfruBFRU])'(?={LETTER}|[«\d*_\[])")
LAST_APOSTROPHE = re.compile(rf"(?<={LETTER})(?<!\b[bfruBFRU])'\Z")
# Collé à un mot, un signe d'égalité ou un trait, le signe double n'est plus une ponctuation.
SPACE = re.compile(r"(?<![ \n|\u00a0]) (?=[:;?!%»](?![\w=:/-]))|(?<=«) ")

# Une page en morceaux : une balise, ou un script entier, entre deux textes.
TAGS = re.compile(r"(<!--.*?-->|<script\b.*?</script>|<style\b.*?</style>|<[^>]*>)", re.DOTALL)
TAG_NAME = re.compile(r"<(?P<close>/?)(?P<name>[a-z][\w-]*)", re.IGNORECASE)
AS_IS = {"code", "kbd", "math", "pre", "samp", "textarea"}
INLINE = {"a", "abbr", "b", "cite", "code", "em", "i", "math", "q", "span", "strong"}
# Les sorties de texte d'une cellule sont des « pre » ; leur couleur dit que ce n'est pas du code.
OUTPUT = "highlight-myst-ansi"
READ = re.compile(
    r'(?<=\s)((?:alt|aria-label|data-bs-title|data-tooltip|placeholder|title)=")([^"]*)'
)
DESCRIPTION = re.compile(r'(<meta name="description" content=")([^"]*)')
QUOTED = re.compile("&#(?:39|x27);")


def french(text: str, *, followed: bool = False) -> str:
    """Rend un texte avec les apostrophes et les espaces insécables du français.

    Args:
        text: de la prose.
        followed: un mot mis en valeur, du code ou une formule suit aussitôt ce texte.
    """
    text = SPACE.sub("\u00a0", APOSTROPHE.sub("’", text))
    return LAST_APOSTROPHE.sub("’", text) if followed else text


def french_html(page: str) -> str:
    """Récrit les textes d'une page HTML, et ceux de ses attributs qu'on lit."""
    pieces = [*TAGS.split(page), ""]
    kept, output = 0, False  # les balises ouvertes dont le contenu reste tel quel
    for place in range(0, len(pieces) - 1, 2):
        text, tag = pieces[place], pieces[place + 1]
        found = TAG_NAME.match(tag)
        if not kept and text.strip():
            followed = bool(found and not found["close"] and found["name"] in INLINE)
            pieces[place] = french(QUOTED.sub("'", text), followed=followed)
        if found is None or found["name"] in {"script", "style"}:
            continue
        if tag.startswith("<div") and "highlight-" in tag:
            output = OUTPUT in tag
        if found["name"] in AS_IS and not (found["name"] == "pre" and output):
            kept += -1 if found["close"] else 1
        pieces[place + 1] = DESCRIPTION.sub(_attribute, READ.sub(_attribute, tag))
    return "".join(pieces)


def _attribute(found: re.Match[str]) -> str:
    return found[1] + french(QUOTED.sub("'", found[2]))


def french_markdown(text: str) -> str:
    """Récrit la prose d'une cellule de notebook, que Jupyter et Colab affichent."""
    lines = text.split("\n")
    for token in blocks(text):
        start, end = token.map or (0, 0)
        part = "\n".join(lines[start:end])
        if token.type == "inline":
            lines[start:end] = _french_inline(part).split("\n")
        elif token.type == "html_block":
            lines[start:end] = french_html(part).split("\n")
    return "\n".join(lines)


def _french_inline(text: str) -> str:
    """Récrit un passage, hors du code, des formules, des balises et des adresses."""
    written, end = "", 0
    for span in spans(text, code=True):
        start = span.start
        if span.token.type in {"link_open", "image"}:  # on lit le texte d'un lien, non son adresse
            start = max(start, text.rfind("](", start, span.end))
        if start >= end:
            written += french(text[end:start], followed=True) + text[start : span.end]
            end = span.end
    return written + french(text[end:])


def write(app: Sphinx, error: Exception | None) -> None:
    """Récrit chaque page du site ; l'index de la recherche se fait ensuite, sur ces textes."""
    if error or app.builder.name != "html":
        return
    for file in sorted(Path(app.outdir).rglob("*.html")):
        before = file.read_text(encoding="utf-8")
        # Une page que cette construction n'a pas écrite garde sa date.
        if "_static" not in file.parts and (after := french_html(before)) != before:
            file.write_text(after, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Passe quand toutes les pages sont écrites, avant que la fonte soit réduite à leurs signes."""
    app.connect("build-finished", write, priority=800)
