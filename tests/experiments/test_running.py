"""Mesurer ce qui manque, et refaire ce qui est gardé."""

import io
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

import toy_study
from experiments import results, running
from experiments.running import CellFailed, compare, run, run_cell, verify
from experiments.study import Cell, Study, Value
from reseaux.errors import ReseauxError
from toy_study import EXTRA, FAILING, PLAN, STUDY

pytestmark = pytest.mark.usefixtures("toy")


@pytest.fixture
def measured() -> Study:
    """L'étude jouet, mesurée en entier."""
    assert run(STUDY, jobs=1).done == len(PLAN)
    return STUDY


def test_a_cell_gives_its_row() -> None:
    row = run_cell(STUDY, PLAN[2])
    assert list(row) == STUDY.header
    assert row["score"] == 0.333333
    assert row["plan"] == STUDY.fingerprint
    assert row["threads"] == 1
    assert f"torch {torch.__version__.split('+')[0]}" in str(row["versions"])
    assert f"numpy {np.__version__}" in str(row["versions"])


def test_the_seconds_are_those_of_the_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(toy_study.SECONDS, "0.2")
    started = time.perf_counter()
    seconds = float(run_cell(STUDY, PLAN[0])["seconds"])
    assert 0.2 <= seconds <= time.perf_counter() - started + 0.01


def test_a_cell_cannot_change_its_plan() -> None:
    cell = {**PLAN[0]}
    run_cell(replace(STUDY, measure=lambda c: c.clear() or {"score": 1, "label": "a"}), cell)
    assert cell == PLAN[0]


def test_a_cell_computes_on_one_thread() -> None:
    seen = []

    def measure(cell: Cell) -> Mapping[str, Value]:
        seen.append(torch.get_num_threads())
        seen.extend(pool["num_threads"] for pool in threadpool_info())
        if cell["draw"] == 1:
            raise ValueError
        return {"score": 1, "label": "a"}

    counted, before = replace(STUDY, measure=measure), torch.get_num_threads()
    np.ones((9, 9)) @ np.ones((9, 9))
    try:
        torch.set_num_threads(3)
        run_cell(counted, PLAN[0])
        with pytest.raises(CellFailed):
            run_cell(counted, PLAN[1])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert len(seen) >= 4
    assert {*seen} == {1}


def test_what_is_missing_is_measured_and_nothing_else() -> None:
    assert run(STUDY, jobs=1, most=5) == running.Outcome(5, (), 19)
    before = STUDY.path.read_bytes()
    assert run(STUDY, jobs=1) == running.Outcome(19, (), 0)
    assert STUDY.path.read_bytes().startswith(before)
    rows = results.read(STUDY)
    assert [STUDY.key(row) for row in rows] == [STUDY.key(cell) for cell in PLAN]
    assert [row["score"] for row in rows[:4]] == ["1.0", "0.5", "0.333333", "0.25"]
    whole = STUDY.path.read_bytes()
    assert run(STUDY, jobs=1) == running.Outcome(0, (), 0)
    assert STUDY.path.read_bytes() == whole


def without_provenance(rows: list[dict[str, str]]) -> list[tuple[str, ...]]:
    return sorted(tuple(row[c] for c in (*STUDY.columns, *STUDY.measures)) for row in rows)


def test_two_processes_measure_the_same(measured: Study) -> None:
    alone = without_provenance(results.read(measured))
    measured.path.unlink()
    assert run(measured, jobs=2).done == len(PLAN)
    assert without_provenance(results.read(measured)) == alone


def test_a_failing_cell_lets_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    bad: Cell = {"name": "b", "size": 7, "draw": -1}
    faulty = replace(STUDY, plan=[*PLAN[:2], bad, *PLAN[2:]])
    outcome = run(faulty, jobs=2)
    assert (outcome.done, len(outcome.failed), outcome.left) == (24, 1, 1)
    assert outcome.failed[0].startswith(
        "jouet, case name = b, size = 7, draw = -1 : ZeroDivisionError, division by zero "
        "(toy_study.py, ligne "
    )
    assert outcome.failed[0] in capsys.readouterr().err
    assert results.missing(faulty, results.read(faulty)) == [bad]
    assert run(STUDY, jobs=1) == running.Outcome(0, (), 0)


def test_other_columns_than_promised_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXTRA, "oui")
    outcome = run(STUDY, jobs=1, most=2)
    assert outcome.done == 0
    assert (
        "la mesure rend ['score', 'label', 'trop'] ; le plan promet ['score', 'label']."
        in outcome.failed[0]
    )
    assert "name = à la fin, « tôt », size = 1, draw = 0" in outcome.failed[0]
    assert results.read(STUDY) == []


def test_a_measure_on_several_lines_is_refused() -> None:
    odd = replace(STUDY, measure=lambda cell: {"score": 1, "label": "a\nb"})
    with pytest.raises(CellFailed, match="retour à la ligne"):
        run_cell(odd, PLAN[0])


def test_a_killed_worker_is_told_and_the_rows_stay() -> None:
    outcome = None
    with pytest.raises(ReseauxError, match="Un processus de calcul a été tué"):
        outcome = run(replace(STUDY, measure=toy_study.deadly), jobs=2)
    assert outcome is None
    assert run(STUDY, jobs=1).left == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"jobs": 0}, "« jobs » vaut 0 ; il faut un entier, au moins 1 ou None"),
        ({"jobs": -1}, "« jobs » vaut -1"),
        ({"most": 0}, "« most » vaut 0"),
        ({"most": -3}, "« most » vaut -3"),
    ],
)
def test_odd_arguments_are_refused(arguments: dict[str, int], said: str) -> None:
    with pytest.raises(ReseauxError, match=said):
        run(STUDY, **arguments)
    assert not STUDY.path.exists()


@pytest.mark.parametrize("count", [0, -1, 1.5])
def test_a_verification_of_nothing_is_refused(measured: Study, count: int) -> None:
    with pytest.raises(ReseauxError, match=f"« count » vaut {count}"):
        verify(measured, count)


def test_nothing_to_verify_is_told() -> None:
    with pytest.raises(ReseauxError, match="Pas de résultats à vérifier pour « jouet »"):
        verify(STUDY, 1)


def test_a_verification_draws_again_and_agrees(measured: Study) -> None:
    def drawn(seed: int) -> list[tuple[str, ...]]:
        checks = verify(measured, 5, seed)
        assert [check.differences for check in checks] == [()] * 5
        assert all(float(c.stored["score"]) == c.found["score"] for c in checks)
        return [STUDY.key(check.stored) for check in checks]

    assert drawn(1) == drawn(1)
    assert len({*drawn(1)}) == 5
    assert drawn(1) != drawn(2)
    assert len(verify(measured, 100)) == len(PLAN)
    seen = Counter(key for seed in range(12) for key in drawn(seed))
    assert len(seen) > 18  # tout le plan peut être tiré


def test_a_verification_in_processes_keeps_the_order(measured: Study) -> None:
    alone, shared = (verify(measured, 8, 3, jobs=jobs) for jobs in (1, 2))
    assert [c.stored for c in alone] == [c.stored for c in shared]
    assert [c.found["score"] for c in alone] == [c.found["score"] for c in shared]


def test_the_cheapest_are_redone_first(measured: Study) -> None:
    rows = results.read(measured)
    toy_study.rewrite({**row, "seconds": str(100 - k)} for k, row in enumerate(rows))
    checks = verify(measured, 2, cheapest=True)
    assert [STUDY.key(c.stored) for c in checks] == [STUDY.key(c) for c in (PLAN[-1], PLAN[-2])]


def test_a_verification_says_what_differs(measured: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = results.read(measured)
    changed = {"2.0": "2.02"}
    toy_study.rewrite({**row, "score": changed.get(row["score"], row["score"])} for row in rows)
    told = {m for check in verify(measured, 24) for m in check.differences}
    assert told == {"score : 2.02 gardé, 2.0 maintenant (écart permis 0.01)"}
    monkeypatch.setenv(FAILING, "0")
    failed = [c for c in verify(measured, 24) if not c.found]
    assert len(failed) == 6
    assert all("ZeroDivisionError" in c.differences[0] for c in failed)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("stored", "found", "same"),
    [
        ("0.84", 0.85, True),
        ("0.85", 0.84, True),
        ("0.84", 0.8501, False),
        ("0.8501", 0.84, False),
        ("1", 1, True),
        ("nan", NAN, False),
        ("0.5", NAN, False),
        ("nan", 0.5, False),
        ("inf", INF, True),
        ("inf", 1.0, False),
        ("vite", 0.5, False),
        ("", 0.5, False),
    ],
)
def test_the_tolerance_goes_both_ways(stored: str, found: float, same: bool) -> None:
    told = compare(STUDY, {"score": stored, "label": "a"}, {"score": found, "label": "a"})
    assert (told == ()) == same
    assert same or told == (f"score : {stored} gardé, {found} maintenant (écart permis 0.01)",)


def test_a_text_is_compared_whole() -> None:
    stored, found = {"score": "1", "label": "fin"}, {"score": 1, "label": "fine"}
    assert compare(STUDY, stored, found)[0].startswith("label : fin gardé, fine maintenant")
    assert compare(STUDY, stored, stored | {"score": 1}) == ()


def test_no_tolerance_is_exact() -> None:
    exact = replace(STUDY, measures={"score": 0.0})
    assert compare(exact, {"score": "0.333333"}, {"score": 0.333333}) == ()
    assert compare(exact, {"score": "0.333333"}, {"score": 0.333334}) != ()


def test_without_a_folder_nothing_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def double(x: int) -> int:
        calls.append(x)
        return 2 * x

    monkeypatch.chdir(tmp_path)
    for value in (None, ""):
        monkeypatch.delenv(running.MEMORY, raising=False)
        if value is not None:
            monkeypatch.setenv(running.MEMORY, value)
        kept = running.memory().cache(double)
        assert (kept(4), kept(4)) == (8, 8)
    assert calls == [4] * 4
    assert [*tmp_path.iterdir()] == []
    monkeypatch.setenv(running.MEMORY, str(tmp_path / "mémoire"))
    kept = running.memory().cache(double)
    assert (kept(4), kept(4)) == (8, 8)
    assert calls == [4] * 5
    assert [*(tmp_path / "mémoire").iterdir()] != []


def test_in_a_log_the_bar_is_a_few_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(STUDY, jobs=1)
    said = capsys.readouterr().err
    assert "\r" not in said
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    assert len(lines) <= 3
    assert lines[-1].startswith("jouet 24/24 ████")
    assert "reste 00:00 (depuis 00:0" in lines[-1]
    assert run(STUDY, jobs=1).done == 0
    assert capsys.readouterr().err == ""

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    STUDY.path.unlink()
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    run(STUDY, jobs=1)
    assert screen.getvalue().strip("\n").count("\n") == 0
    assert "\rjouet 24/24" in screen.getvalue()
