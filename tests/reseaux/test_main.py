"""``python -m reseaux`` et la commande ``reseaux`` : la même porte vers l'application."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from reseaux import __version__

ROOT = Path(__file__).parents[2]
MODULE, FUNCTION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "scripts"
]["reseaux"].split(":")
DOORS = {
    "module": ["-m", "reseaux"],
    # Ce qu'écrit pip dans le programme « reseaux ».
    "commande": ["-c", f"import sys; from {MODULE} import {FUNCTION}; sys.exit({FUNCTION}())"],
}


@pytest.mark.parametrize("door", DOORS)
def test_both_doors_lead_to_the_command(door: str) -> None:
    def launch(*words: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, *DOORS[door], *words]
        return subprocess.run(line, capture_output=True, text=True, timeout=60)

    assert launch("--version").stdout == f"reseaux {__version__}\n"
    assert launch("--aide").stdout.startswith("emploi : reseaux")
    assert launch("rien").returncode == 2
