"""Exécuter plusieurs chapitres à la fois.

MyST-NB exécute les pages l'une après l'autre. Avant qu'il ne les lise, nous exécutons celles dont
le cache n'a pas les sorties, une par cœur, et nous les y rangeons : il n'a plus qu'à les prendre.
Une page qui échoue n'est pas rangée ; MyST-NB l'exécute à nouveau et dit pourquoi.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from sphinx.application import Sphinx
from sphinx.util import logging

from livre.kernels import WORKERS, use_local_sockets

logger = logging.getLogger(__name__)


def execute_missing(app: Sphinx, env: Any, pages: list[str]) -> None:
    """Exécute, plusieurs à la fois, les pages que Sphinx va lire et que le cache n'a pas."""
    config = env.mystnb_config
    if config.execution_mode != "cache":
        return
    cache: Any = get_cache(config.execution_cache_path)
    missing: dict[Path, Any] = {}
    for page in pages:
        file = Path(env.doc2path(page))
        text = file.read_text(encoding="utf-8")
        reader = create_nb_reader(str(file), env.myst_config, config, text)
        if reader is None:
            continue
        notebook = reader.read(text)
        try:
            cache.match_cache_notebook(notebook)
        except KeyError:
            missing[file] = notebook

    def execute(file: Path) -> Any:
        return single_nb_execution(
            missing[file],
            cwd=str(file.parent),
            timeout=config.execution_timeout,
            allow_errors=False,
            meta_override=True,
        )

    # Les plus longues pages d'abord : à la fin, aucun cœur n'attend longtemps l'autre.
    order = sorted(missing, key=lambda file: file.stat().st_size, reverse=True)
    with ThreadPoolExecutor(WORKERS) as pool:
        for file, result in zip(order, pool.map(execute, order), strict=True):
            name = file.relative_to(app.srcdir)
            if result.err is not None:
                logger.info("%s : échec, à reprendre", name)
                continue
            logger.info("%s : exécuté en %.0f s", name, result.time)
            data = {"execution_seconds": result.time}
            bundle = CacheBundleIn(missing[file], str(file), data=data)
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def setup(app: Sphinx) -> None:
    """Exécute avant la lecture des pages."""
    use_local_sockets()
    app.connect("env-before-read-docs", execute_missing)
