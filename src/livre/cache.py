"""Ne rejouer que ce qui a changé, et ne jamais montrer un résultat périmé.

Jupyter Book garde les sorties des cellules, retrouvées par leur code ; il ignore que ce code
appelle ``src/reseaux``. Ici, le dossier où il les garde porte l'empreinte du paquet d'aide et des
versions installées : quand l'un change, tout s'exécute à nouveau. Un changement de ``src/livre``
fait relire et récrire les pages, sans les exécuter ; un changement de prose, sa page seule.
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

# Présent pendant la construction, et après si elle a averti, échoué ou été interrompue.
UNFINISHED = "construction-inachevee"


def fingerprint(root: Path, inputs: Iterable[str]) -> str:
    """Résume en 16 chiffres le nom et le contenu des fichiers ; un fichier absent compte pour rien.

    Args:
        root: le dossier auquel ``inputs`` se rapporte.
        inputs: des fichiers, ou des dossiers pris en entier.
    """
    digest = hashlib.sha256()
    named = [root / name for name in inputs]
    paths = {file for path in named for file in (path.rglob("*") if path.is_dir() else [path])}
    for path in sorted(paths):
        if not path.is_file() or path.suffix in COMPILED:
            continue
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


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


def begin(app: Sphinx, config: Config) -> None:
    """Oublie ce que Sphinx a retenu des pages, si la construction d'avant n'a pas abouti.

    Sinon, celle-ci ne relirait pas les pages qui donnaient des avertissements, et réussirait.
    """
    folder = Path(app.doctreedir)
    if (folder / UNFINISHED).exists():
        (folder / ENV_PICKLE_FILENAME).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / UNFINISHED).touch()


def finish(app: Sphinx, error: Exception | None) -> None:
    """Note une construction sans avertissement, et efface du site les pages qui n'existent plus."""
    if error is not None or app._warncount:
        return
    (Path(app.doctreedir) / UNFINISHED).unlink(missing_ok=True)
    pages = app.env.found_docs
    for folder in {page.split("/")[0] for page in pages if "/" in page}:
        for file in (Path(app.outdir) / folder).rglob("*.html"):
            if file.relative_to(app.outdir).with_suffix("").as_posix() not in pages:
                file.unlink()


def setup(app: Sphinx) -> None:
    """Déclare l'empreinte du rendu comme un réglage : Sphinx relit tout quand elle change."""
    app.add_config_value("livre_rendering", "", "env")
    app.connect("config-inited", choose_cache)
    app.connect("config-inited", begin)
    # Après tous les autres : l'export des notebooks peut avertir lui aussi.
    app.connect("build-finished", finish, priority=1000)
