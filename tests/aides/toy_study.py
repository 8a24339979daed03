"""Une étude jouet, lancée comme les vraies ; ses cases durent, échouent ou débordent sur demande.

python -c "import toy_study; toy_study.main()" dossier mot…
"""

import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import experiments
from experiments import results, study
from experiments.study import Cell, Study, Value, cross

SECONDS, FAILING, EXTRA = "JOUET_SECONDES", "JOUET_ECHEC", "JOUET_COLONNE"
DRAWS = "JOUET_TIRAGES"  # quatre, sauf demande


def measure(cell: Cell) -> Mapping[str, Value]:
    """Un calcul dont la réponse est connue."""
    time.sleep(float(os.environ.get(SECONDS, 0)))
    if os.environ.get(FAILING) == str(cell["draw"]):
        raise ZeroDivisionError("rien à partager")
    found: dict[str, Value] = {"score": cell["size"] / (1 + cell["draw"]), "label": cell["name"]}
    return found | ({"trop": 1} if EXTRA in os.environ else {})


def deadly(cell: Cell) -> Mapping[str, Value]:
    """Une mesure que le système tue, au premier tirage."""
    if cell["draw"] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return measure(cell)


def drawn(draws: int) -> Study:
    """L'étude jouet, à tant de tirages : six fois autant de cases."""
    plan = cross(name=("à la fin, « tôt »", "b"), size=(1, 2, 30), draw=range(draws))
    return Study("jouet", "un jouet", plan, measure, {"score": 0.01, "label": 0})


STUDY = drawn(int(os.environ.get(DRAWS, 4)))
PLAN = STUDY.plan


def rewrite(rows: Iterable[Mapping[str, str]]) -> None:
    """Réécrit le fichier de résultats, comme si ces lignes avaient été mesurées."""
    STUDY.path.unlink(missing_ok=True)
    with results.appending(STUDY) as writer:
        for row in rows:
            writer.add(row)


def register(folder: Path) -> None:
    """Fait de l'étude jouet la seule du programme, ses résultats dans un dossier."""
    study.RESULTS = folder
    experiments.STUDIES = ("jouet",)
    sys.modules["experiments.jouet"] = sys.modules[__name__]


def main() -> None:
    """La commande, l'étude jouet pour toute étude."""
    register(Path(sys.argv[1]))
    from experiments.__main__ import main as command

    sys.exit(command(sys.argv[2:]))
