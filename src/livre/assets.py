"""Ce que chaque page charge : une feuille, un script, et une fonte réduite à ses signes.

Le thème en fait charger dix-neuf, dont la plupart ne sert pas. Le gabarit ``layout.html`` n'en
demande que deux ; on les écrit ici à la fin de la construction, quand toutes les pages sont là.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from livre import fonts
from livre.stylesheet import reduce_styles

# Ce que le gabarit du thème charge lui-même, avant et après ce que demandent les extensions.
FIRST_STYLES = ["styles/theme.css", "styles/pydata-sphinx-theme.css"]
LAST_SCRIPTS = ["scripts/bootstrap.js", "scripts/pydata-sphinx-theme.js"]
# Des onglets : aucune page n'en a. Le reste servait à la recherche du thème, et appelle « eval ».
SKIPPED = {"design-tabs.js", "doctools.js", "sphinx_highlight.js", "translations.js"}
IMPORT = re.compile(r"""@import\s+(?:url\()?["']([^"']+)["']\)?\s*;""")
MATH_FONT = "stix-two-math.woff2"
ICON_FONT = "vendor/fontawesome/webfonts/fa-solid-900.woff2"
# Les autres fontes d'icônes du thème, et la même sous une forme plus lourde : rien ne s'en sert.
OTHER_ICONS = re.compile(
    r"@font-face\s*\{[^}]*fa-(?:brands|regular)[^}]*\}|,\s*url\([^)]*\.ttf\)\s*format\(\"truetype\"\)"
)
SUMMARY = 160  # caractères : ce que montre un moteur de recherche


def gather(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Retient ce que la page chargerait, et résume la page ; le gabarit ne charge plus rien."""
    for kind, folder in (("script_files", "scripts"), ("css_files", "styles")):
        wanted = getattr(app, f"livre_{folder}")
        for file in context[kind]:
            name = str(getattr(file, "filename", file) or "").removeprefix("_static/")
            if name and ":" not in name and name not in {*wanted, *SKIPPED}:
                wanted.append(name)
    if doctree is not None:
        first = next(iter(doctree.findall(nodes.paragraph)), None)
        words = " ".join(first.astext().split()) if first is not None else ""
        context["summary"] = (
            words if len(words) <= SUMMARY else words[:SUMMARY].rsplit(" ", 1)[0] + "…"
        )


def write(app: Sphinx, error: Exception | None) -> None:
    """Écrit ``site.css`` et ``site.js``, réduit la fonte, et retire ce que rien ne charge."""
    styles, scripts = app.livre_styles, app.livre_scripts  # type: ignore[attr-defined]
    if error or app.builder.name != "html" or not scripts:
        return
    out = Path(app.outdir)
    static = out / "_static"
    pages = "".join(path.read_text(encoding="utf-8") for path in sorted(out.rglob("*.html")))
    code = "\n;".join(
        (static / name).read_text(encoding="utf-8") for name in [*scripts, *LAST_SCRIPTS]
    )
    code = re.sub(r"^//# sourceMappingURL=.*$", "", code, flags=re.M)
    (static / "site.js").write_text(code, encoding="utf-8")

    words = set(re.findall(r"[\w-]+", code))
    for attribute in re.findall(r'\b(?:class|id)="([^"]*)"', pages):
        words.update(attribute.split())
    sheets = [sheet for name in [*FIRST_STYLES, *styles] for sheet in with_imports(static, name)]
    style = reduce_styles([(name, OTHER_ICONS.sub("", text)) for name, text in sheets], words)
    (static / "site.css").write_text(style, encoding="utf-8")
    fonts.reduce_font(static / MATH_FONT, fonts.formula_signs(pages))
    fonts.reduce_font(static / ICON_FONT, fonts.icon_signs(style))
    unused = [static / "scripts" / "fontawesome.js", *static.rglob("*.map")]
    unused += [path for path in (static / "vendor").rglob("*.*") if path != static / ICON_FONT]
    for path in unused:
        path.unlink(missing_ok=True)


def with_imports(static: Path, name: str) -> list[tuple[str, str]]:
    """Lit une feuille, après celles qu'elle importe ; rend l'adresse et le texte de chacune."""
    text = (static / name).read_text(encoding="utf-8")
    imported = [
        posixpath.normpath(posixpath.join(posixpath.dirname(name), found))
        for found in IMPORT.findall(text)
    ]
    before = [sheet for other in imported for sheet in with_imports(static, other)]
    return [*before, (name, IMPORT.sub("", text))]


def setup(app: Sphinx) -> None:
    """Passe après le thème, qui ajoute ses fichiers au contexte de chaque page."""
    app.livre_styles, app.livre_scripts = [], []  # type: ignore[attr-defined]
    app.connect("html-page-context", gather, priority=900)
    app.connect("build-finished", write, priority=900)
