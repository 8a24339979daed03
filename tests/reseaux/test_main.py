"""``python -m reseaux`` et la commande ``reseaux`` : la même porte vers l'application."""

import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

from photos import command
from reseaux import __version__

ROOT = Path(__file__).parents[2]


def test_as_a_module() -> None:
    def launch(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "reseaux", *words], capture_output=True, text=True, timeout=60
        )

    assert launch("--version").stdout == f"reseaux {__version__}\n"
    assert launch("--aide").stdout.startswith("emploi : reseaux")
    assert launch("rien").returncode == 2


def test_the_console_command_is_the_same_function() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    entry = EntryPoint("reseaux", project["scripts"]["reseaux"], "console_scripts")
    assert entry.load() is command.main
