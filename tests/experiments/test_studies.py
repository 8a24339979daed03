"""Les résultats enregistrés : ils répondent à leur plan, et leurs cases courtes se refont."""

from pathlib import Path

import pytest

import experiments
import toy_study
from experiments import results, running, study
from experiments.study import Study
from toy_study import PLAN, STUDY

# Les études que l'on mesure en plusieurs séances, et pourquoi leurs lignes manquent encore.
UNFINISHED: dict[str, str] = {}

LONGEST, REDONE = 5, 2  # secondes d'une case que l'on refait ici, et combien par étude


def gaps(study: Study) -> str:
    """Dit quelles cases attendent leur ligne ; lire refuse déjà un fichier qui a vieilli."""
    cells = results.missing(study, results.read(study))
    if not cells:
        return ""
    shown = "\n".join(", ".join(study.key(cell)) for cell in cells[:20])
    return f"{study.name} : {len(cells)} cases sur {len(study.plan)} sans résultat :\n{shown}"


def outdated(study: Study) -> list[str]:
    """Refait les cases les plus courtes ; dit ce qui s'écarte de plus que la tolérance."""
    short = [row for row in results.read(study) if float(row["seconds"]) <= LONGEST]
    checks = running.verify(study, min(len(short), REDONE), cheapest=True) if short else []
    return [f"{', '.join(study.key(c.stored))} : {d}" for c in checks for d in c.differences]


@pytest.mark.parametrize("name", experiments.STUDIES)
def test_every_study_has_its_rows(name: str) -> None:
    missing = gaps(experiments.find(name))
    assert bool(missing) == (name in UNFINISHED), missing or f"{name} est finie : ôtez sa raison"


@pytest.mark.parametrize("name", experiments.STUDIES)
def test_its_shortest_cells_give_their_rows_again(name: str) -> None:
    assert outdated(experiments.find(name)) == []


def test_every_results_file_belongs_to_a_study() -> None:
    files = {file.stem for file in study.RESULTS.glob("*.csv")}
    assert files <= {*experiments.STUDIES}
    assert UNFINISHED.keys() <= {*experiments.STUDIES}


def test_the_gaps_are_named(toy: Path) -> None:
    assert gaps(STUDY).startswith("jouet : 24 cases sur 24 sans résultat :\nà la fin, « tôt », 1,")
    running.run(STUDY, jobs=1, most=23)
    assert gaps(STUDY) == "jouet : 1 cases sur 24 sans résultat :\nb, 30, 3"
    running.run(STUDY, jobs=1)
    assert gaps(STUDY) == ""


def test_the_shortest_cells_are_redone_and_no_others(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outdated(STUDY) == []
    running.run(STUDY, jobs=1)
    rows = results.read(STUDY)
    for k, row in enumerate(rows):
        row["seconds"] = str(100 - k)
        row["score"] = "-1"
    toy_study.rewrite(rows)
    assert outdated(STUDY) == []  # toutes trop longues
    for row in rows[4:7]:
        row["seconds"] = "5.0"
    toy_study.rewrite(rows)
    told = outdated(STUDY)
    assert [line.partition(" : ")[0] for line in told] == [
        ", ".join(STUDY.key(cell)) for cell in PLAN[4:6]
    ]
