"""Le dossier des résultats : ce que la commande refuse d'écraser, et tout ou rien."""

import json
import os
import shutil
import signal
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from photo_folder import FAST, make, run
from photos import results
from photos.arguments import parse, read_request
from photos.request import MODEL, TRAINING, Request
from reseaux.errors import ReseauxError


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


def request(tmp_path: Path, source: str = "images", *words: str) -> Request:
    (tmp_path / source).mkdir(exist_ok=True)
    given = ["apprendre", str(tmp_path / source), "--sortie", str(tmp_path / "r"), *words]
    return read_request(parse(given), given)


def write(asked: Request, letter: str, *names: str) -> None:
    """Une suite de résultats dont chaque fichier dit de laquelle il est."""
    results.check(asked)
    results.claim(asked)
    with results.transaction(asked) as folder:
        for name in (MODEL, results.PAGE, results.TEXT, *names):
            (folder / name).write_text(letter)


def letters(output: Path) -> set[str]:
    kept = [file for file in output.iterdir() if file.name != results.ORIGIN]
    assert all(file.is_file() for file in kept), kept
    return {file.read_text() for file in kept}


EVENTS = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.scandir"}


def killed_at(moment: int, asked: Request) -> bool:
    """Écrit la suite « B », et meurt à cette opération-là ; dit si elle est allée au bout."""
    child = os.fork()
    if child == 0:
        count = 0

        def watch(event: str, _: object) -> None:
            nonlocal count
            count += event in EVENTS
            if count == moment:
                os._exit(1)

        try:
            sys.addaudithook(watch)
            write(asked, "B")
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_killed_anywhere_the_model_and_its_report_go_together(tmp_path: Path) -> None:
    """À chaque opération sur les fichiers : l'ancienne suite entière, ou la nouvelle, entière."""
    seen, moment, done = set(), 0, False
    while not done:
        moment += 1
        shutil.rmtree(tmp_path / "r", ignore_errors=True)
        asked = request(tmp_path)
        write(asked, "A", results.MISTAKES)
        done = killed_at(moment, asked)
        found = results.whole(tmp_path / "r").read_text()
        visible = {f.name for f in (tmp_path / "r").iterdir() if not f.name.startswith(".")}
        assert (results.MISTAKES in visible) == (found == "A")
        results.tidy(tmp_path / "r")
        assert letters(tmp_path / "r") == {found}
        seen.add(found)
        write(asked, "C")
        assert letters(tmp_path / "r") == {"C"}
    assert seen == {"A", "B"}
    assert moment > 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_two_writers_take_turns(tmp_path: Path) -> None:
    """Aucun ne touche à ce que l'autre écrit, et la suite qui reste est celle d'un seul."""
    first, second = request(tmp_path), request(tmp_path, "images", "--graine", "1")
    (started, start), (tidied, tidy) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.read(started, 1)
            results.claim(second)
            os.write(tidy, b"x")
            write(second, "B", results.MISTAKES)
        finally:
            os._exit(0)
    with results.transaction(first) as folder:
        (folder / MODEL).write_text("A")
        os.write(start, b"x")
        assert os.read(tidied, 1) == b"x"
        (folder / results.PAGE).write_text("A")
        assert {file.name for file in folder.iterdir()} == {MODEL, results.PAGE}
        assert os.waitpid(child, os.WNOHANG) == (0, 0)  # elle attend son tour
    assert os.waitpid(child, 0)[1] == 0
    assert letters(tmp_path / "r") == {"B"}
    assert results.whole(tmp_path / "r").read_text() == "B"


def test_a_failed_writing_changes_nothing(tmp_path: Path) -> None:
    asked = request(tmp_path)
    write(asked, "A")
    before = (tmp_path / "r" / results.ORIGIN).read_bytes()

    def full() -> None:
        with results.transaction(asked) as folder:
            (folder / MODEL).write_text("B")
            raise OSError(28, "plein")

    with pytest.raises(OSError, match="plein"):
        full()
    assert letters(tmp_path / "r") == {"A"}
    assert (tmp_path / "r" / results.ORIGIN).read_bytes() == before


@pytest.mark.parametrize("part", [MODEL, results.ORIGIN])
def test_a_report_that_describes_another_model_is_refused(part: str, tmp_path: Path) -> None:
    write(request(tmp_path), "A")
    (tmp_path / "r").rename(tmp_path / "ancien")
    write(request(tmp_path), "B")
    assert results.whole(tmp_path / "r" / MODEL) == results.whole(tmp_path / "r")
    shutil.copy(tmp_path / "ancien" / part, tmp_path / "r")
    for model in (tmp_path / "r", tmp_path / "r" / MODEL):
        with pytest.raises(ReseauxError, match="n'est pas le modèle que décrit le rapport"):
            results.whole(model)
    shutil.copy(tmp_path / "r" / MODEL, tmp_path / "seul.safetensors")
    assert results.whole(tmp_path / "seul.safetensors").read_text() in "AB"


@pytest.mark.parametrize(
    "owner", ["", "[]", "{", '{"dossier": 1}', "[" * 100_000, '{"fichiers": 1}']
)
def test_an_odd_origin_is_no_origin(owner: str, tmp_path: Path) -> None:
    write(request(tmp_path), "A")
    (tmp_path / "r" / results.ORIGIN).write_text(owner)
    assert results.whole(tmp_path / "r").read_text() == "A"
    with pytest.raises(ReseauxError, match="contient déjà autre chose"):
        results.check(request(tmp_path))


def test_a_first_run_cut_short_does_not_lock_its_folder(tmp_path: Path) -> None:
    """Avant son origine, ou après elle mais sans résultat, le dossier reste à qui veut."""
    output = tmp_path / "r"
    (output / ".ecriture").mkdir(parents=True)
    left = [f".{name}.0123abcd.tmp" for name in (results.ORIGIN, TRAINING)]
    for name in (*left, ".ecriture/" + MODEL, ".DS_Store"):
        (output / name).write_text("?")
    results.check(request(tmp_path))
    results.claim(request(tmp_path))
    assert {f.name for f in output.iterdir()} == {results.ORIGIN, ".DS_Store"}
    other = request(tmp_path, "autres images")
    results.check(other)
    write(other, "A")
    with pytest.raises(
        ReseauxError,
        match="d'un autre dossier d'images (« autres images »)".replace("(", r"\(").replace(
            ")", r"\)"
        ),
    ):
        results.check(request(tmp_path))


def test_an_interrupted_training_keeps_its_owner(tmp_path: Path) -> None:
    tuning = ("--methode", "reglage-fin")
    results.claim(request(tmp_path, "images", *tuning))
    (tmp_path / "r" / TRAINING).write_text("?")
    with pytest.raises(ReseauxError, match="d'un autre dossier d'images"):
        results.check(request(tmp_path, "autres images", *tuning))
    with pytest.raises(ReseauxError, match="réglage fin interrompu"):
        results.check(request(tmp_path, "images", *tuning))
    results.check(request(tmp_path, "images", *tuning, "--reprendre"))
    other = request(tmp_path, "autres images", *tuning, "--ecraser")
    results.check(other)
    results.claim(other)
    results.check(replace(other, overwrite=False, resume=True))

    # Reprendre ne change pas le propriétaire : l'entraînement est peut-être d'autres images.
    results.claim(request(tmp_path, "images", *tuning, "--ecraser", "--reprendre"))
    results.check(replace(other, overwrite=False, resume=True))


def test_a_second_training_keeps_the_first_results(tmp_path: Path) -> None:
    write(request(tmp_path), "A")
    before = (tmp_path / "r" / results.ORIGIN).read_bytes()
    results.claim(request(tmp_path, "images", "--methode", "reglage-fin"))
    assert (tmp_path / "r" / results.ORIGIN).read_bytes() == before  # avec les empreintes
    assert results.whole(tmp_path / "r").read_text() == "A"


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o027])
def test_files_have_the_rights_the_user_wants(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        write(request(tmp_path), "A")
        results.write_text(tmp_path / "r" / results.TEXT, "A")
    finally:
        os.umask(before)
    for file in (tmp_path / "r").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask, file
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o777 & ~umask


@pytest.mark.parametrize("name", [MODEL, results.PAGE, TRAINING])
def test_a_folder_where_a_file_goes_is_refused_first(name: str, tmp_path: Path) -> None:
    (tmp_path / "r" / name).mkdir(parents=True)
    with pytest.raises(ReseauxError, match="est un dossier, ou un tube ; un résultat porte ce nom"):
        results.check(request(tmp_path))


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Lire un tube attendrait pour toujours : le test échoue plutôt."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("attend pour toujours"))
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(os.name != "posix", reason="tubes")
@pytest.mark.usefixtures("no_waiting")
def test_a_pipe_where_a_file_goes_is_not_read(tmp_path: Path) -> None:
    write(request(tmp_path), "A")
    (tmp_path / "r" / results.ORIGIN).unlink()
    os.mkfifo(tmp_path / "r" / results.ORIGIN)
    assert results.whole(tmp_path / "r").read_text() == "A"  # comme sans origine
    for words in ((), ("--ecraser",)):
        with pytest.raises(ReseauxError, match=f"{results.ORIGIN} » est un dossier, ou un tube"):
            results.check(request(tmp_path, "images", *words))


def test_the_origin_does_not_tell_where_the_images_are(tmp_path: Path) -> None:
    write(request(tmp_path), "A")
    text = (tmp_path / "r" / results.ORIGIN).read_text()
    assert json.loads(text)["dossier"] == "images"
    assert str(tmp_path) not in text


def test_two_folders_of_the_same_name_are_two_folders(tmp_path: Path) -> None:
    for place in ("ici", "là"):
        (tmp_path / place).mkdir()
    write(request(tmp_path, "ici/images"), "A")
    with pytest.raises(ReseauxError, match=r"d'un autre dossier d'images \(« images »\)"):
        results.check(request(tmp_path, "là/images"))
    (tmp_path / "lien").symlink_to(tmp_path / "ici" / "images")
    results.check(request(tmp_path, "lien"))
