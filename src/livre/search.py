"""La recherche : un index de la prose, des tableaux et des légendes, que lit ``recherche.js``.

Pagefind fait l'index une fois les pages écrites. Le navigateur n'en charge rien tant qu'on ne
cherche pas, puis seulement les morceaux utiles. Il met à égalité « résiduel » et « residuel ».
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

FOLDER = "pagefind"  # dans le site
ARTICLE = re.compile(r'<article class="bd-article">.*?</article>', re.S)
# Sphinx nomme la section, Pagefind cherche le nom sur le titre.
SECTION = re.compile(r'<section id="([^"]+)">(\s*(?:<span id="[^"]*"></span>\s*)*<h[2-6])>')
# Ce qui n'est ni prose, ni tableau, ni légende.
SKIPPED = "pre, svg, script, style, .headerlink, .formule-bloc, details.hide > summary"
# Les fichiers de Pagefind dont recherche.js se sert ; le reste est pour ses propres interfaces.
KEPT = {"pagefind.js", "pagefind-worker.js", "pagefind-entry.json", "wasm.fr.pagefind"}
# La recherche du thème, que celle-ci remplace.
REPLACED = ("searchtools.js", "language_data.js", "french-stemmer.js", "base-stemmer.js")


def searched(page: str) -> str:
    """Rend, d'une page du site, ce qui va dans l'index : l'article, ses titres nommés."""
    found = ARTICLE.search(page)
    article = SECTION.sub(r'<section>\2 id="\1">', found[0]) if found else ""
    return f'<!doctype html><html lang="fr"><body>{article}</body></html>'


def write_index(app: Sphinx, error: Exception | None) -> None:
    """Écrit l'index dans le dossier ``pagefind`` du site."""
    if error or app.builder.name != "html":
        return
    out = Path(app.outdir)
    shutil.rmtree(out / FOLDER, ignore_errors=True)
    for old in (*(out / "_static" / name for name in REPLACED), *out.glob("search*")):
        old.unlink(missing_ok=True)
    with TemporaryDirectory() as folder:
        for name in app.env.found_docs:
            copy = Path(folder, f"{name}.html")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(searched((out / f"{name}.html").read_text("utf-8")), "utf-8")
        command = [sys.executable, "-m", "pagefind", "--site", folder, "--output-path"]
        command += [str(out / FOLDER), "--exclude-selectors", SKIPPED, "--force-language", "fr"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExtensionError(f"L'index de la recherche n'a pas pu s'écrire.\n{done.stderr}")
    for file in (out / FOLDER).glob("*.*"):
        if file.name not in KEPT and file.suffix != ".pf_meta":
            file.unlink()


def leave_out_the_other_search(app: Sphinx) -> None:
    """Sphinx n'écrit ni son index, ni sa page de recherche."""
    app.builder.search = False  # type: ignore[attr-defined]


def setup(app: Sphinx) -> None:
    """Ajoute le script et la feuille de la recherche ; écrit l'index après tout le reste."""
    app.connect("builder-inited", leave_out_the_other_search)
    app.connect("build-finished", write_index, priority=950)
    app.add_css_file("recherche.css", priority=900)
    app.add_js_file("recherche.js", loading_method="defer")
