"""L'extension Sphinx du livre : elle réunit les modules de ce paquet, un par idée."""

from typing import TYPE_CHECKING

from sphinx.application import Sphinx

from livre import (
    accessibility,
    bibliography,
    cache,
    chrome,
    execution,
    launch,
    mathml,
    notebooks,
)

if TYPE_CHECKING:
    from sphinx.util.typing import ExtensionMetadata

MODULES = (chrome, mathml, bibliography, accessibility, launch, notebooks, cache, execution)


def setup(app: Sphinx) -> "ExtensionMetadata":
    """Enregistre chaque module auprès de Sphinx, qui appelle cette fonction au démarrage."""
    for module in MODULES:
        module.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
