"""Ce que le site dit de lui à d'autres : la carte d'une page partagée, et le plan du site.

La carte suit Open Graph (https://ogp.me), le plan, https://www.sitemaps.org/protocol.html ; tous
deux veulent des adresses entières, que :mod:`livre.repository` ne connaît pas toujours.
"""

import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from sphinx.application import Sphinx

from livre.typography import french

PLAN = "sitemap.xml"
# Une image de la page ; les dessins SVG, que les messageries ne montrent pas, n'en sont pas.
PICTURE = re.compile(r'<img\b[^>]*\bsrc="[^"]*(_images/[^"/]+\.(?:webp|png|jpe?g))"')


def add_card(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Donne au gabarit ``card`` : les propriétés de la carte d'une page, par nom."""
    if page not in app.env.found_docs:
        return
    title = re.sub(r"<[^>]+>", "", str(context.get("title", "")))
    card = {
        "title": french(title),
        "description": french(context.get("summary", "")),
        "type": "website" if page == app.config.root_doc else "article",
        "locale": "fr_FR",
        "site_name": french(app.config.html_title or ""),
    }
    base = app.config.html_baseurl
    if base:
        card["url"] = f"{base}{page}.html"
        picture = PICTURE.search(str(context.get("body", "")))
        if picture:
            card["image"] = f"{base}{picture[1]}"
    context["card"] = {name: text for name, text in card.items() if text}


def write_plan(app: Sphinx, error: Exception | None) -> None:
    """Écrit le plan du site, si son adresse est connue."""
    base = app.config.html_baseurl
    if error or app.builder.name != "html":
        return
    plan = Path(app.outdir, PLAN)
    plan.unlink(missing_ok=True)
    if not base:
        return
    pages = "".join(
        f"<url><loc>{escape(base)}{escape(page)}.html</loc></url>\n"
        for page in sorted(app.env.found_docs)
    )
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    plan.write_text(f'{head}<urlset xmlns="{space}">\n{pages}</urlset>\n', "utf-8")


def setup(app: Sphinx) -> None:
    """Passe après le résumé et les images de la page."""
    app.connect("html-page-context", add_card, priority=950)
    app.connect("build-finished", write_plan)
