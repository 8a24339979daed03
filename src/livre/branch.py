"""La branche ``notebooks`` : ce qu'ouvrent Colab et Binder, et ce qu'un lecteur clone.

Elle tient en un commit, sans passé : les notebooks et leurs résultats, les paquets qu'ils
importent, de quoi les installer, la licence. Ni les sources des pages, ni les tests, ni ce qui
publie. Hors des notebooks, un fichier que git ne suit pas n'y entre pas.

    python -m livre.branch _build/notebooks origin

N'emploie que git et la bibliothèque standard : la publication n'installe rien.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BRANCH = "notebooks"
# Ce que la branche reprend du dépôt, tel que git le connaît.
KEPT = ("src", "binder", "LICENSE", "pyproject.toml")
AUTHOR = {"NAME": "Publication du cours", "EMAIL": "publication@example.org"}

# L'index public des paquets de PyTorch pour le processeur.
CPU_INDEX = "https://download.pytorch.org/whl/cpu"

README = """\
# {title}

Les pages du cours, un notebook chacune, avec leurs résultats : ouvrez `chapters/accueil.ipynb`.
Pour les exécuter, il faut Python 3.11 ou plus récent :

    python3 -m venv .venv
    .venv/bin/python -m pip install -e ".[notebooks]"
    .venv/bin/jupyter lab chapters

Sous Windows, ce sont `py -m venv .venv`, `.venv\\Scripts\\python` et `.venv\\Scripts\\jupyter`.
Sans carte graphique, installez d'abord le PyTorch qui s'en passe : sous Linux, tout tient alors
en 2 Go au lieu de 6,7.

    .venv/bin/python -m pip install torch torchvision --index-url {cpu}

La publication du cours écrit cette branche, à partir du commit `{commit}` :
ce qu'on y change à la main se perd.

Code sous licence BSD à trois clauses, textes et figures sous licence Creative Commons
Attribution 4.0. Les images, les polices et les poids gardent la leur, que donne
`chapters/annexes/lancer.ipynb`.
"""


class BranchError(Exception):
    """La branche ne s'écrit pas ; le message dit pourquoi, et quoi faire."""


def write(notebooks: Path, root: Path = ROOT) -> str:
    """Écrit le commit de la branche dans le dépôt, sans toucher à ses fichiers ; rend son nom.

    Args:
        notebooks: le dossier que remplit ``make notebooks``.
        root: la racine du dépôt.

    Raises:
        BranchError: pas de notebook, ou git refuse.
    """
    files = sorted(notebooks.rglob("*.ipynb"))
    if not files:
        raise BranchError(f"Pas de notebook dans {notebooks}. Lancez d'abord « make notebooks ».")
    source = _git(root, "rev-parse", "HEAD")
    entries = _git(root, "ls-tree", "-r", source, "--", *KEPT).splitlines()
    for file in files:
        blob = _git(root, "hash-object", "-w", "--no-filters", str(file.resolve()))
        entries.append(f"100644 blob {blob}\t{file.relative_to(notebooks).as_posix()}")
    readme = README.format(title=_title(root), commit=source, cpu=CPU_INDEX)
    blob = _git(root, "hash-object", "-w", "--stdin", text=readme)
    entries.append(f"100644 blob {blob}\tREADME.md")
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(root, "update-index", "--index-info", text="\n".join(entries) + "\n", more=index)
        tree = _git(root, "write-tree", more=index)
    who = {f"GIT_{role}_{key}": AUTHOR[key] for role in ("AUTHOR", "COMMITTER") for key in AUTHOR}
    return _git(root, "commit-tree", tree, "-m", f"Notebooks de {source}", more=who)


def publish(notebooks: Path, remote: str, root: Path = ROOT) -> str:
    """Remplace la branche d'un dépôt, nommé ou donné par son adresse ; rend le commit envoyé."""
    commit = write(notebooks, root)
    _git(root, "push", "--force", "--quiet", remote, f"{commit}:refs/heads/{BRANCH}")
    return commit


def _title(root: Path) -> str:
    found = re.search(r"(?m)^title: *(.+)$", (root / "_config.yml").read_text(encoding="utf-8"))
    return found[1].strip(" \"'") if found else "Les notebooks du cours"


def _git(
    root: Path, *words: str, text: str | None = None, more: Mapping[str, str] | None = None
) -> str:
    """Rend ce que répond git.

    Raises:
        BranchError: il échoue ; le message cite sa raison.
    """
    done = subprocess.run(
        ["git", *words],
        cwd=root,
        input=text,
        env={**os.environ, **(more or {})},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        reason = done.stderr.strip() or "sans dire pourquoi"
        raise BranchError(f"git {words[0]} a échoué : {reason}")
    return done.stdout.strip()


def main(words: list[str]) -> str | None:
    """Publie la branche ; rend un message si elle ne s'écrit pas."""
    if len(words) != 2:
        return "usage : python -m livre.branch DOSSIER_DES_NOTEBOOKS DÉPÔT"
    try:
        commit = publish(Path(words[0]), words[1])
    except BranchError as problem:
        return str(problem)
    print(f"Branche « {BRANCH} » : {commit}")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
