"""Ce que Binder installe : ``binder/requirements.txt``, tiré des versions exactes du site.

Binder n'a pas de carte graphique. Les notebooks y ont les mêmes versions que le site, avec le
PyTorch qui s'en passe et sans ce qui ne sert qu'à construire ou à tester ; JupyterLab, Binder l'a.

    python -m livre.binder
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from livre.branch import CPU_INDEX, ROOT

PYTHON = "3.11"  # celui de binder/runtime.txt
# Les paquets que l'index du processeur a dans une version à lui.
TORCH = {"torch", "torchvision"}
# Ce que seul le PyTorch des cartes graphiques demande.
CARD = re.compile(r"nvidia-|cuda-|triton\b")

HEADER = f"""\
# Écrit par « make epingler » : les versions exactes du site, sans carte graphique, et seulement ce
# que demandent les notebooks. Binder exécute ce fichier depuis la racine du dépôt.
--extra-index-url {CPU_INDEX}
-e .
"""


def lighten(pins: str) -> str:
    """Rend les versions exactes d'un fichier, moins ce qui ne sert qu'à une carte graphique."""
    kept = []
    for line in pins.splitlines():
        name, equals, version = line.partition("==")
        if equals and not CARD.match(name):
            kept.append(f"{name}=={version}+cpu" if name in TORCH else line)
    return HEADER + "\n".join(kept) + "\n"


def compile_pins(root: Path = ROOT) -> str:
    """Rend ce que demandent les notebooks, aux versions du site, pour le Linux de Binder."""
    pins = (root / "requirements.txt").read_text(encoding="utf-8")
    uv = Path(sys.executable).with_name("uv")
    with tempfile.TemporaryDirectory() as folder:
        versions = Path(folder) / "versions.txt"
        versions.write_text(re.sub(r"(?m)^-e .*$", "", pins), encoding="utf-8")
        words = ["pip", "compile", "pyproject.toml", "--extra", "cellules", "--extra", "grappe"]
        words += ["--constraint", str(versions), "--python-version", PYTHON]
        words += ["--python-platform", "x86_64-manylinux_2_28", "--quiet"]
        words += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        return subprocess.run(
            [str(uv), *words],
            cwd=root,
            env={**os.environ, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        ).stdout


def main() -> None:
    """Récrit ``binder/requirements.txt``."""
    file = ROOT / "binder" / "requirements.txt"
    file.write_text(lighten(compile_pins()), encoding="utf-8")


if __name__ == "__main__":
    main()
