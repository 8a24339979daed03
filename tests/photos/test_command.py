"""La commande, comme on s'en sert : un dossier de vraies photographies, des options."""

import errno
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
import torch
from bs4 import BeautifulSoup
from PIL import Image

from photo_folder import FAST, SOURCES, file_rows, run
from photos import classifier, command, report, results
from photos.images import read_image
from photos.request import MODEL, TRAINING, Method
from reseaux.reuse import training, weights

LARGE = "efficientnet_v2_s"
REPORTS = (report.TEXT, report.PAGE, report.FILES)
TUNE = (*FAST, "--methode", "reglage-fin")


def test_probe_end_to_end(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("apprendre", photos, *FAST) == 0
    said = capsys.readouterr().out
    output = Path("resultats")
    rows = file_rows(output)
    used = [row for row in rows if row["usage"] != "refusé"]
    test = [row for row in rows if row["usage"] == "test"]
    assert (len(used), len(test)) == (24, 6)
    right = sum(row["classe"] == row["réponse"] for row in test)
    assert right >= 4  # une photographie sur trois au hasard
    found = 24 + sum(row["usage"] == "refusé" for row in rows)
    assert said.startswith(f"Dossier « mes images » : {found} fichiers trouvés, 24 images lues, ")
    assert f"({right} sur 6)" in said
    assert "intervalle à 95 %" in said
    assert said.endswith("Et maintenant : reseaux predire IMAGE\n")
    assert {row["classe"] for row in test} == set(SOURCES)
    assert (output / report.TEXT).read_text("utf-8").startswith("Dossier «")
    assert Image.open(output / report.CONFUSION).size[0] > 100
    assert (output / report.MISTAKES).exists() == (right < 6)
    assert f"({right} sur 6)" in (output / report.PAGE).read_text("utf-8")
    assert not list(output.glob(".*"))  # aucun fichier temporaire

    # Relu, le modèle redonne les réponses du test.
    files = [photos / row["fichier"] for row in test]
    assert run("predire", *files) == 0
    told = capsys.readouterr().out
    for row, line in zip(test, told.splitlines()[3:], strict=True):
        assert row["fichier"] in line
        assert row["réponse"] in line


def test_the_same_seed_gives_the_same_model(photos: Path) -> None:
    for output in ("un", "deux", "autre"):
        seed = 1 if output == "autre" else 0
        assert run("apprendre", photos, *FAST, "--graine", seed, "--sortie", output) == 0
    one, two, other = ((Path(o) / MODEL).read_bytes() for o in ("un", "deux", "autre"))
    assert one == two
    assert one != other


def learned(output: str) -> dict[str, torch.Tensor]:
    return classifier.load(Path(output) / MODEL).learned


def test_a_finished_tuning_that_nobody_hears_is_finished(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Le terminal fermé à la fin n'est pas une interruption : les résultats sont écrits."""
    said: list[str] = []

    def closed(text: str) -> None:
        said.append(text)
        if "Résultats dans" in text:
            raise OSError(errno.ENOSPC, "plein")

    monkeypatch.setattr(command, "say", closed)
    assert run("apprendre", photos, *TUNE, "--epoques", 1) == 1
    assert said
    assert (Path("resultats") / MODEL).exists()
    assert not (Path("resultats") / TRAINING).exists()


def test_interrupted_then_resumed_gives_the_same_weights(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("apprendre", photos, *TUNE, "--epoques", 3, "--sortie", "direct") == 0
    assert not (Path("direct") / TRAINING).exists()

    real = training.train

    def interrupted(*args: object, after_epoch, **options: object) -> object:
        def stop(epoch: training.Epoch) -> None:
            after_epoch(epoch)
            if epoch.number == 2:
                raise KeyboardInterrupt

        return real(*args, after_epoch=stop, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "train", interrupted)
    assert run("apprendre", photos, *TUNE, "--epoques", 3, "--sortie", "coupé") == 130
    monkeypatch.undo()
    os.chdir(photos.parent)
    said = capsys.readouterr().err
    assert "Interrompu" in said
    assert "--reprendre" in said
    assert {f.name for f in Path("coupé").iterdir()} == {results.ORIGIN, TRAINING}

    assert run("apprendre", photos, *TUNE, "--epoques", 3, "--sortie", "coupé") == 1
    assert "réglage fin interrompu" in capsys.readouterr().err
    assert run("apprendre", photos, *TUNE, "--epoques", 4, "--sortie", "coupé", "--reprendre") == 1
    assert "époques : 3, et non 4" in capsys.readouterr().err
    assert run("apprendre", photos, *TUNE, "--epoques", 3, "--sortie", "coupé", "--reprendre") == 0
    direct, resumed = learned("direct"), learned("coupé")
    assert direct.keys() == resumed.keys()
    assert all(torch.equal(direct[k], resumed[k]) for k in direct)
    assert run("apprendre", photos, *TUNE, "--epoques", 3, "--sortie", "coupé", "--reprendre") == 1
    assert "Rien à reprendre" in capsys.readouterr().err


def test_interrupted_while_saving(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl+C au milieu de torch.save : torch lève une autre erreur par-dessus."""

    def saving(*_: object, **__: object) -> object:
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("unexpected pos 4901888 vs 4901784")

    monkeypatch.setattr(training, "train", saving)
    assert run("apprendre", photos, *TUNE) == 130
    assert "Interrompu" in capsys.readouterr().err

    def broken(*_: object, **__: object) -> object:
        raise RuntimeError("un défaut")

    monkeypatch.setattr(training, "train", broken)
    with pytest.raises(RuntimeError, match="un défaut"):  # un défaut ne se cache pas
        run("apprendre", photos, *TUNE)


MEMORY = "la mémoire ne suffit pas. Diminuez « --taille »."


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), MEMORY),
        (RuntimeError("CUDA out of memory."), MEMORY),
        (
            PermissionError(13, "Permission denied", "a.png"),
            "lecture ou écriture impossible : « a.png » (droits insuffisants). "
            "Donnez un autre dossier.",
        ),
        (
            OSError(28, "No space left on device"),
            "lecture ou écriture impossible (le disque est plein). Donnez un autre dossier.",
        ),
    ],
    ids=repr,
)
def test_what_the_machine_refuses_is_told_in_one_line(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(command, "_run", fail)
    assert run("liste") == 1
    assert capsys.readouterr().err == f"Erreur : {said}\n"


@pytest.mark.parametrize("method", [method.value for method in Method])
def test_a_torchvision_network_serves_as_well(
    photos: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Le réseau plus grand du réglage complet, en petit et sans ses poids : tout le reste y est."""
    from torchvision import models

    prepare = models.MobileNet_V3_Small_Weights.DEFAULT.transforms()

    def load(name: str = "", *_: object, **__: object) -> weights.Pretrained:
        torch.manual_seed(0)
        return weights.Pretrained(name, models.mobilenet_v3_small().eval(), prepare, (), ())

    monkeypatch.setattr(weights, "load", load)
    monkeypatch.setattr(weights, "architecture", load)
    monkeypatch.setattr("reseaux.reuse.hub.cached", lambda _: Path(__file__))  # poids déjà là
    options = ("--methode", method, "--reglage", "complet")
    epochs = ("--epoques", 1) if method == "reglage-fin" else ()
    assert run("apprendre", photos, *FAST, *options, *epochs) == 0
    loaded = classifier.load(Path("resultats") / MODEL)
    assert loaded.description.network == LARGE
    assert loaded.description.mean == pytest.approx((0.485, 0.456, 0.406), abs=1e-4)
    assert loaded.description.std == pytest.approx((0.229, 0.224, 0.225), abs=1e-4)
    held = [row for row in file_rows(Path("resultats")) if row["usage"] == "test"]
    images = [read_image(photos / row["fichier"], square=32) for row in held]
    answers = loaded.probabilities(classifier.to_squares(images)).argmax(axis=1)
    assert [loaded.description.names[k] for k in answers] == [row["réponse"] for row in held]


def test_a_failed_write_keeps_the_previous_model(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("apprendre", photos, *FAST) == 0
    before = (Path("resultats") / MODEL).read_bytes()

    def full(*_: object, **__: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save", full)
    assert run("apprendre", photos, *FAST, "--graine", 1) == 1
    assert "le disque est plein" in capsys.readouterr().err
    assert (Path("resultats") / MODEL).read_bytes() == before


def test_as_a_real_command(photos: Path) -> None:
    words = [sys.executable, "-W", "error::RuntimeWarning", "-m", "reseaux"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}  # un terminal sans accents
    done = subprocess.run(
        [*words, "apprendre", str(photos), *FAST],
        capture_output=True, text=True, timeout=120, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # ni avertissement de runpy, ni barre hors d'un terminal
    assert "Exactitude sur le test" in done.stdout
    assert (photos.parent / "resultats" / MODEL).exists()
    failed = subprocess.run(
        [*words, "apprendre", "absent"], capture_output=True, text=True, timeout=120
    )
    assert failed.returncode == 1
    assert failed.stderr.startswith("Erreur : Le dossier « absent »")
    assert "Traceback" not in failed.stderr


@pytest.mark.skipif(os.name != "posix", reason="Windows refuse ces noms")
def test_names_that_are_not_utf8(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Dossier, classe, sortie : ce qui se dit ou s'écrit est du texte, et n'agit sur rien."""
    root = photos.rename(os.fsdecode(b"photos \xe9 \x1b[31m"))
    (root / "chat").rename(root / os.fsdecode(b"ch\xe0t\n\x1b]0;x\x07"))
    output = Path(os.fsdecode(b"r\xe9sultats \x1b[2J"))
    shown = r"ch\xe0t\n\x1b]0;x\x07"
    assert run("apprendre", root, *FAST, "--sortie", output) == 0
    file = next(root.glob("caf*/*.png"))
    for form in ((), ("--csv",), ("--json",)):
        assert run("predire", root, file, "--modele", output, *form) == 0
    said = capsys.readouterr()
    assert shown in said.out
    texts = [said.out, said.err]
    texts += [(output / name).read_text("utf-8") for name in (*REPORTS, results.ORIGIN)]
    for text in texts:
        assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cs") and c != "\n"]
        text.encode()
    assert classifier.load(output / MODEL).description.names == (
        "café serré",
        shown,
        "temple chinois",
    )
    command = BeautifulSoup((output / report.PAGE).read_text("utf-8"), "html.parser").pre.text
    again = subprocess.run(
        ["bash", "-c", command.replace("reseaux ", "printf '%s\\0' ", 1)], capture_output=True
    )
    asked = ["apprendre", str(root), *FAST, "--sortie", str(output)]
    assert again.stdout.split(b"\0")[:-1] == [os.fsencode(word) for word in asked]


@pytest.mark.skipif(os.name != "posix", reason="liens")
@pytest.mark.parametrize("inside", ["", "dedans"])
def test_an_output_that_is_a_loop_of_links(
    inside: str, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("boucle").symlink_to("boucle")
    assert run("apprendre", photos, *FAST, "--sortie", Path("boucle") / inside) == 1
    said = capsys.readouterr()
    assert said.err.startswith("Erreur : ")
    assert len(said.err.splitlines()) == 1
    assert "Exactitude" not in said.out  # dit avant d'apprendre
    assert run("apprendre", "boucle", *FAST) == 1
    assert run("predire", "boucle", "--modele", "boucle") == 1
    assert "boucle" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["apprendre \0", "apprendre d --sortie a\0b", "predire \0"])
def test_a_null_character_in_a_path(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words.split()) == 2
    assert "un chemin n'a pas de caractère nul" in capsys.readouterr().err


@pytest.mark.parametrize("options", [(), TUNE[2:]], ids=["sonde", "réglage"])
def test_a_disk_that_fills_up_loses_nothing(
    options: tuple[str, ...], photos: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """À chacune des écritures : une ligne, et les résultats d'avant, entiers."""
    epochs = ("--epoques", 1, "--ecraser") if options else ()
    asked = ("apprendre", photos, *FAST, *options, *epochs, "--graine", 1)
    assert run("apprendre", photos, *FAST) == 0
    before = {f.name: f.read_bytes() for f in Path("resultats").iterdir()}
    real, left = os.fsync, [0]

    def fsync(descriptor: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr("os.fsync", fsync)
    code, tried = 1, 0
    while code:
        tried += 1
        left[0] = tried
        capsys.readouterr()
        code = run(*asked)
        said = capsys.readouterr().err
        if code:
            assert "le disque est plein" in said
            assert len(said.splitlines()) == 1
            after = {f.name: f.read_bytes() for f in Path("resultats").iterdir()}
            assert {**after, TRAINING: b""} == {
                **before,
                TRAINING: b"",
            }  # il se reprend, s'il est là
            tried += 2 * (tried > 2)
    assert tried > 6
