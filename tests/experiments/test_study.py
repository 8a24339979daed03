"""Un plan : ses cases, leur nom, l'empreinte de ses constantes, et ce qu'il refuse."""

import os
import subprocess
import sys
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

import experiments
import toy_study
from experiments.study import Cell, Study, cross
from reseaux.errors import ReseauxError
from toy_study import STUDY


class Recipe(NamedTuple):
    rate: float


def test_a_grid_holds_every_combination_once() -> None:
    cells = cross(name=("a", "b"), size=iter((1, 2.5)), draw=range(2))
    assert cells == [
        {"name": n, "size": s, "draw": d} for n in ("a", "b") for s in (1, 2.5) for d in (0, 1)
    ]


def test_a_cell_is_named_as_it_is_written() -> None:
    assert STUDY.key({"draw": 3, "size": 0.1, "name": "b", "score": 1.0}) == ("b", "0.1", "3")
    assert STUDY.key(dict.fromkeys(STUDY.columns, np.int64(5))) == ("5", "5", "5")
    assert STUDY.header[:5] == ["name", "size", "draw", "score", "label"]


def test_the_fingerprint_follows_the_constants_and_not_the_plan() -> None:
    study = replace(STUDY, constants={"recipe": Recipe(0.1), "sizes": (1, 2)})
    shuffled = replace(study, plan=[*reversed(study.plan)], constants={**study.constants})
    reordered = replace(study, constants=dict(reversed([*study.constants.items()])))
    assert study.fingerprint == shuffled.fingerprint == reordered.fingerprint
    others = [{"recipe": Recipe(0.2), "sizes": (1, 2)}, {"recipe": Recipe(0.1), "sizes": (2, 1)}]
    prints = {replace(study, constants=constants).fingerprint for constants in (*others, {})}
    assert len(prints | {study.fingerprint}) == 4


def test_the_fingerprint_is_the_same_in_another_program() -> None:
    code = "from toy_study import STUDY; print(STUDY.fingerprint)"
    path = os.pathsep.join(sys.path)
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == STUDY.fingerprint


@pytest.mark.parametrize("constant", [test_a_cell_is_named_as_it_is_written, {"a", "b"}, object()])
def test_a_constant_without_a_fixed_spelling_is_refused(constant: object) -> None:
    with pytest.raises(ReseauxError, match="s'écrit autrement à chaque fois"):
        replace(STUDY, constants={"nested": [constant]})


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ([], "au moins une case"),
        ([{"a": 1}, {"b": 1}], "mêmes colonnes"),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], "mêmes colonnes"),
        ([{"a": 0, "b": 2}, {"a": 1, "b": 2}, {"a": 1, "b": "2"}], "la case 1, 2 y est deux fois"),
        ([{"a": "une\nautre"}], "retour à la ligne"),
        ([{"a": "une\rautre"}], "retour à la ligne"),
        ([{"score": 1}], "une colonne y est deux fois : score, score"),
        ([{"seconds": 1}], "une colonne y est deux fois"),
    ],
)
def test_an_odd_plan_is_refused(plan: list[Cell], said: str) -> None:
    with pytest.raises(ReseauxError, match=said):
        Study("bancale", "un plan bancal", plan, toy_study.measure, {"score": 0})


def test_a_study_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReseauxError, match="« jouet » ne désigne pas une étude"):
        experiments.find("jouet")
    monkeypatch.setattr(experiments, "STUDIES", ("jouet",))
    monkeypatch.setitem(sys.modules, "experiments.jouet", toy_study)
    assert experiments.find("jouet") is STUDY
    with pytest.raises(ReseauxError, match="Vouliez-vous dire « jouet »"):
        experiments.find("jouets")
