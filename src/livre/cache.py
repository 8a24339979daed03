"""Ne rejouer que ce qui a changé, et ne jamais montrer un résultat périmé.

Jupyter Book garde les sorties des cellules, retrouvées par leur code ; il ignore que ce code
appelle ``src/reseaux``. Ici, le dossier où il les garde porte l'empreinte du paquet d'aide et des
versions installées : quand l'un change, le dossier change, et tout s'exécute à nouveau. Sphinx,
lui, relit les pages parce que ce réglage fait partie de ceux qu'il surveille.

Un changement de ``src/livre`` fait relire et récrire les pages, sans les exécuter. Un changement
de prose ne concerne que sa page.

Enfin, une construction qui a donné des avertissements est oubliée. Sans cela, la suivante ne
relirait pas les pages fautives, et réussirait sans que rien n'ait été corrigé.
"""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from sphinx.application import ENV_PICKLE_FILENAME, Sphinx
from sphinx.config import Config

# Ce dont le résultat d'une cellule dépend, outre son code ; relatif à la racine du dépôt.
EXECUTION_INPUTS = ("src/reseaux", "src/photos", "src/experiments", "requirements.txt")

# Ce que Python et Sphinx tirent des sources, et laissent à côté d'elles.
COMPILED = {".pyc", ".mo"}

PACKAGE = Path(__file__).parent


def fingerprint(root: Path, inputs: Iterable[str]) -> str:
    """Résume en 16 chiffres le nom et le contenu des fichiers ; un fichier absent compte pour rien.

    Args:
        root: le dossier auquel ``inputs`` se rapporte.
        inputs: des fichiers, ou des dossiers pris en entier.
    """
    digest = hashlib.sha256()
    for path in sorted(_files(root, inputs)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _files(root: Path, inputs: Iterable[str]) -> set[Path]:
    found: set[Path] = set()
    for name in inputs:
        path = root / name
        candidates = path.rglob("*") if path.is_dir() else [path]
        found |= {file for file in candidates if file.is_file() and file.suffix not in COMPILED}
    return found


def choose_cache(app: Sphinx, config: Config) -> None:
    """Choisit le dossier des sorties d'après l'empreinte, et jette ceux d'avant."""
    key = fingerprint(Path(app.srcdir), EXECUTION_INPUTS)
    folder = Path(app.outdir).parent / ".jupyter_cache"
    config.nb_execution_cache_path = str(folder / key)
    config.livre_rendering = fingerprint(PACKAGE, ["."])
    if folder.is_dir():
        for old in folder.iterdir():
            if old.is_dir() and old.name != key:
                shutil.rmtree(old)


def forget_failed_build(app: Sphinx, error: Exception | None) -> None:
    """Efface ce que Sphinx a retenu des pages, s'il a donné des avertissements."""
    if error is not None or app._warncount:
        (Path(app.doctreedir) / ENV_PICKLE_FILENAME).unlink(missing_ok=True)


def setup(app: Sphinx) -> None:
    """Déclare l'empreinte du rendu comme un réglage : Sphinx relit tout quand elle change."""
    app.add_config_value("livre_rendering", "", "env")
    app.connect("config-inited", choose_cache)
    # Après tous les autres : l'export des notebooks peut avertir lui aussi.
    app.connect("build-finished", forget_failed_build, priority=1000)
