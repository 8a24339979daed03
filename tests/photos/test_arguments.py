"""Les options : fautives, refusées en français ; l'aide, en français, sans charger torch."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from photo_folder import run
from photos.arguments import parse, read_request
from photos.request import Method
from reseaux import __version__
from reseaux.settings import SETTINGS

ENGLISH = ("argument", "expected", "invalid", "usage:", "choose", "unrecognized", "required")
COMMANDS = ("apprendre", "predire", "resume", "dessine", "liste")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "il manque : COMMANDE"),
        ("aprendre d", "« aprendre » n'existe pas ; choisissez : .*apprendre"),
        ("apprendre", "il manque : DOSSIER"),
        ("apprendre d --methode magie", "« magie » n'existe pas ; choisissez : .*sonde"),
        ("apprendre d --graine x", "--graine : « x » ; il faut un entier"),
        ("apprendre d --graine", "--graine : il y faut une valeur"),
        ("predire", "il manque : IMAGE"),
        (
            "apprendre d --graine 99999999999",
            "« 99999999999 » ; il faut un entier de 0 à 2147483648",
        ),
        ("apprendre d --epoques 20000", "« 20000 » ; il faut un entier de 1 à 10000"),
        ("apprendre d --taille 8", "« 8 » ; il faut un entier de 32"),
        ("apprendre d --taille deux", "« deux » ; il faut un entier de 32"),
        ("apprendre d --taille ٣٢", "« ٣٢ » ; il faut un entier de 32"),
        ("apprendre d --taille 3_2", "« 3_2 » ; il faut un entier de 32"),
        ("apprendre d --part-test 0,2_5", "« 0,2_5 » ; il faut un nombre de"),
        ("apprendre d --part-test 1,5", "« 1,5 » ; il faut un nombre de"),
        ("apprendre d --nimporte", "option ou mot en trop : --nimporte"),
        ("apprendre d --ecraser=oui", "--ecraser : ne prend pas de valeur"),
        ("apprendre d e", "option ou mot en trop : e"),
        ("apprendre d --reprendre", "ne sert qu'à --methode reglage-fin"),
        ("apprendre d --epoques 3", "ne sert qu'à --methode reglage-fin"),
        ("apprendre d --test t --part-test 0.2", "--part-test : ne va pas avec --test"),
        ("predire i --json --csv", "--csv : ne va pas avec --json"),
        ("dessine resnet50", "il manque : -o/--sortie"),
        ("resume", "il manque : RESEAU"),
    ],
)
def test_bad_options(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words.split()) == 2
    said = capsys.readouterr().err
    assert re.search(message, said), said
    assert said.startswith("emploi : reseaux")
    assert "L'aide : reseaux" in said
    for english in ENGLISH:
        assert english not in said


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_french(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*command.split(), "--aide") == 0
    said = capsys.readouterr().out
    for english in (*ENGLISH, "options:", "show this", "positional"):
        assert english not in said
    options = ("--sortie", "--graine", "--part-test", "--test", "--taille", "--epoques")
    for expected in {"": COMMANDS, "apprendre": options}.get(command, ("--aide",)):
        assert expected in said


def test_help_and_options_do_not_load_torch() -> None:
    """Ni l'aide, ni la version, ni une option fautive n'attendent PyTorch."""
    code = """
import sys
from photos.command import main
for words in (["--aide"], ["apprendre", "--aide"], ["--version"], ["apprendre"]):
    main(words)
print({"torch", "numpy", "matplotlib", "PIL"} & set(sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr.endswith("set()\n"), done.stderr
    assert f"reseaux {__version__}" in done.stdout


def test_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/maison")
    words = ["apprendre", "~/mes images", "--sortie", "~/r", "--test", "~/t"]
    request = read_request(parse(words), words)
    assert (request.source, request.output) == (Path("/maison/mes images"), Path("/maison/r"))
    assert request.test == Path("/maison/t")
    assert request.method is Method.LINEAR_PROBE
    assert request.setting is SETTINGS["rapide"]
    assert (request.size, request.epochs) == (160, 8)
    assert request.command == "reseaux apprendre '~/mes images' --sortie '~/r' --test '~/t'"
    assert parse(["predire", "~/i.png"]).images == [Path("/maison/i.png")]
    monkeypatch.setenv("WORLD_SIZE", "2")
    words = ["apprendre", "d", "--methode", "reglage-fin", "--reglage", "complet", "--taille", "64"]
    request = read_request(parse(words), words)
    assert (request.size, request.epochs) == (64, 20)
    assert request.command.startswith("torchrun --nproc-per-node 2 -m reseaux apprendre d")


def test_the_defaults_are_those_the_help_promises() -> None:
    request = read_request(parse(["apprendre", "x"]), ["apprendre", "x"])
    assert (request.seed, request.method, request.test, request.test_part) == (
        0,
        Method.LINEAR_PROBE,
        None,
        None,
    )
    assert request.setting is SETTINGS["rapide"]
    assert not request.resume
    assert not request.overwrite


@pytest.mark.parametrize(
    ("option", "allowed", "refused"),
    [
        ("graine", ("0", "2147483648"), ("-1", "2147483649")),
        ("epoques", ("1", "10000"), ("0", "10001")),
        ("taille", ("32", "1024"), ("31", "1025")),
        ("part-test", ("0.01", "0,9"), ("0.009", "0.91")),
    ],
)
def test_each_number_has_its_bounds(
    option: str, allowed: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    words = ["apprendre", "d", "--methode", "reglage-fin", f"--{option}"]
    for text in allowed:
        found = getattr(parse([*words, text]), option.replace("-", "_"))
        assert found == float(text.replace(",", "."))
    for text in refused:
        with pytest.raises(SystemExit):
            parse([*words[:-1], f"--{option}={text}"])
