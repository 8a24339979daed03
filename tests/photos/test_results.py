"""Le dossier des résultats : ce que la commande refuse d'écraser."""

from pathlib import Path

import pytest

from photo_folder import FAST, make, run
from photos.request import MODEL


def test_outputs_are_protected(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = make(photos.parent / "autres images", 4)
    assert run("apprendre", photos, *FAST) == 0
    assert run("apprendre", photos, *FAST) == 0  # les mêmes images : on remplace
    capsys.readouterr()
    before = (Path("resultats") / MODEL).read_bytes()
    assert run("apprendre", other, *FAST) == 1
    assert "résultats d'un autre dossier d'images (« mes images »)" in capsys.readouterr().err
    assert (Path("resultats") / MODEL).read_bytes() == before
    assert run("apprendre", other, *FAST, "--ecraser") == 0
    assert (Path("resultats") / MODEL).read_bytes() != before

    Path("précieux").mkdir()
    (Path("précieux") / "thèse.txt").write_text("à garder")
    assert run("apprendre", photos, *FAST, "--sortie", "précieux") == 1
    assert "contient déjà autre chose" in capsys.readouterr().err
    assert run("apprendre", photos, *FAST, "--sortie", photos / "chat") == 1
    assert "deviendrait une classe" in capsys.readouterr().err
    assert run("apprendre", photos, *FAST, "--sortie", Path("précieux") / "thèse.txt") == 1
    assert "est un fichier" in capsys.readouterr().err
    assert (
        run("apprendre", photos, *FAST, "--sortie", Path("précieux") / "thèse.txt" / "dedans") == 1
    )
    assert "fichier porte le nom d'un dossier" in capsys.readouterr().err
    assert run("apprendre", photos, *FAST, "--test", other, "--sortie", other / "chat") == 1
    assert "deviendrait une classe" in capsys.readouterr().err
    assert run("apprendre", "absent", *FAST) == 1
    assert "n'existe pas" in capsys.readouterr().err
