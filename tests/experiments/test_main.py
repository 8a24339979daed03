"""La commande : ce qu'elle dit, et son code de sortie."""

import os
from pathlib import Path

import pytest

import toy_study
from experiments import __main__ as command
from experiments import results, running, study
from toy_study import FAILING, PLAN, STUDY

pytestmark = pytest.mark.usefixtures("toy")


def run(*words: str) -> int:
    return command.main([*words, "--processus", "1"])


def test_it_measures_then_verifies(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--cases", "3") == 0
    assert capsys.readouterr().out == "jouet : cases mesurées, 3 ; à faire, 21.\n"
    assert run("jouet") == 0
    assert capsys.readouterr().out == "jouet : cases mesurées, 21 ; à faire, 0.\n"
    assert len(results.read(STUDY)) == len(PLAN)
    assert run("--verifier", "2", "--graine", "4") == 0
    said = capsys.readouterr().out.splitlines()
    keys = [", ".join(STUDY.key(c.stored)) for c in running.verify(STUDY, 2, 4)]
    assert said == [f"jouet ({key}) : même résultat" for key in keys]


def test_a_difference_is_told_by_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    run()
    changed = {"2.0": "2.02"}
    toy_study.rewrite(
        {**row, "score": changed.get(row["score"], row["score"])} for row in results.read(STUDY)
    )
    capsys.readouterr()
    assert run("--verifier", "24") == 1
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 24
    assert sum(line.endswith(": même résultat") for line in said) == 22
    assert "jouet (b, 2, 0) : score : 2.02 gardé, 2.0 maintenant (écart permis 0.01)" in said


def test_a_failing_cell_is_told_by_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(FAILING, "1")
    assert run() == 1
    said = capsys.readouterr()
    assert "jouet : cases mesurées, 18 ; à faire, 6." in said.out
    assert said.err.count("case name = b, size = 2, draw = 1 : ZeroDivisionError") == 1


def test_what_is_stale_is_refused_then_measured_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    monkeypatch.setattr(study.Study, "fingerprint", "autre")
    capsys.readouterr()
    for words in ((), ("--verifier", "1")):
        assert run(*words) == 1
        assert "REFAIRE=oui" in capsys.readouterr().err
    assert run("--refaire") == 0
    assert capsys.readouterr().out == (
        "jouet : lignes qui ne répondaient plus au plan, ôtées : 24.\n"
        "jouet : cases mesurées, 24 ; à faire, 0.\n"
    )


@pytest.mark.parametrize("option", ["--verifier", "--cases", "--processus"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "douze", ""])
def test_an_odd_count_is_refused_at_once(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main([f"{option}={value}"])
    assert stopped.value.code == 2
    assert f"« {value} » ; il faut un entier, au moins 1" in capsys.readouterr().err
    assert not STUDY.path.exists()


def test_an_unknown_study_stops_before_any_measure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("jouet", "jouer") == 1
    said = capsys.readouterr()
    assert said.err.strip() == (
        "« jouer » ne désigne pas une étude. Vouliez-vous dire « jouet » ? Noms permis : jouet."
    )
    assert said.out == ""
    assert not STUDY.path.exists()


def test_an_odd_seed_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    run("--cases", "1")
    assert run("--verifier", "1", "--graine=-1") == 1
    assert "« seed » vaut -1" in capsys.readouterr().err


def test_the_memory_goes_where_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("--memoire", "à côté", "--cases", "1") == 0
    assert os.environ[running.MEMORY] == str(tmp_path / "à côté")


def test_a_folder_that_refuses_is_told(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy.write_text("un fichier, là où l'on attend un dossier")
    assert run() == 1
    assert "jouet.csv » ne s'écrit pas : un fichier porte le nom" in capsys.readouterr().err


def test_without_any_study_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "STUDIES", ())
    assert run() == 0
