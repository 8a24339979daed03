"""L'impression d'une page : une feuille pour le papier, un script qui déplie et éclaircit."""

from sphinx.application import Sphinx


def setup(app: Sphinx) -> None:
    """Charge la feuille et le script ; :mod:`livre.pdf` se sert de la même feuille."""
    app.add_css_file("impression.css", priority=910)
    app.add_js_file("impression.js", loading_method="defer")
