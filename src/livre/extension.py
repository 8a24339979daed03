"""L'extension Sphinx du livre : elle réunit les modules de ce paquet, un par idée."""

from sphinx.application import Sphinx

from livre import (
    accessibility,
    assets,
    bibliography,
    cache,
    chrome,
    execution,
    glossary,
    home,
    launch,
    mathml,
    notebooks,
    notfound,
    pictures,
    printing,
    reading,
    search,
    sharing,
    typography,
)

MODULES = (
    chrome,
    mathml,
    bibliography,
    accessibility,
    glossary,
    home,
    launch,
    notebooks,
    pictures,
    reading,
    cache,
    execution,
    typography,
    printing,
    assets,
    search,
    notfound,
    sharing,
)


def setup(app: Sphinx) -> dict[str, bool]:
    """Enregistre chaque module auprès de Sphinx, qui appelle cette fonction au démarrage."""
    for module in MODULES:
        module.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
