"""Les options : fautives, refusées en français ; l'aide, en français."""

import re

import pytest

from photo_folder import run


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "il manque DOSSIER"),
        (("d", "--methode", "magie"), "« magie » n'existe pas ; choisissez : .*sonde"),
        (("d", "--graine", "x"), "option --graine : « x » ; il faut un entier"),
        (("d", "--graine"), "option --graine : il y faut une valeur"),
        (("--predire",), "option --predire : il y faut au moins une valeur"),
        (("d", "--taille", "8"), "« 8 » ; il faut un entier de 32"),
        (("d", "--part-test", "1,5"), "« 1,5 » ; il faut un nombre entre"),
        (("d", "--profondeur", "-1"), "(« -1 » ; il faut « auto »|il y faut une valeur)"),
        (("d", "--nimporte"), "option ou mot en trop : --nimporte"),
        (("d", "--ecraser=oui"), "elle ne prend pas de valeur"),
        (("d", "--predire", "x.png"), "--predire se passe de DOSSIER"),
        (("d", "--reprendre"), "ne sert qu'à --methode reglage-fin"),
        (("d", "--epoques", "3"), "ne sert qu'à --methode reglage-fin"),
    ],
)
def test_bad_options(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:

    assert run(*words) == 2
    said = capsys.readouterr().err
    assert re.search(message, said), said
    assert said.startswith("emploi : python -m photos.command")
    for english in ("argument", "expected", "invalid", "usage:", "choose", "unrecognized"):
        assert english not in said


def test_help_is_french(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--aide") == 0
    said = capsys.readouterr().out
    for option in ("--sortie", "--graine", "--part-test", "--profondeur", "--taille", "--epoques"):
        assert option in said
    for english in ("usage:", "options:", "show this", "positional"):
        assert english not in said
