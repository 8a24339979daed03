"""La porte : Ctrl+C à tout moment, imports compris ; des flux fermés."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from photo_folder import FAST, make, run
from photos import results
from photos.request import TRAINING

AIDES = Path(__file__).parents[1] / "aides"
PROGRAM = AIDES / "interrupted.py"
ENDINGS = ("", " La sauvegarde « r/entrainement.pt » est gardée : ajoutez « --reprendre ».")
TUNE = (*FAST, "--methode", "reglage-fin", "--epoques", "2", "--ecraser")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="fork et signaux")


def interrupted(place: Path, count: int, *words: object) -> dict:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(place), "0", str(count), *map(str, words)],
        capture_output=True, text=True, timeout=300, cwd=place,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["first"]["code"] == 0, told["first"]["err"]
    return told


def check(record: dict) -> None:
    """Une ligne en français, le code 130, rien à moitié écrit."""
    assert record["code"] == 130, record
    assert record["err"].startswith("\nInterrompu."), record
    assert record["err"].strip().removeprefix("Interrompu.") in ENDINGS
    assert not [name for name in record["left"] if Path(name).name.startswith(".")], record["left"]


@pytest.mark.parametrize(("options", "count"), [(FAST, 5), (TUNE, 4)], ids=["sonde", "réglage"])
def test_ctrl_c_while_learning(options: tuple[str, ...], count: int, tmp_path: Path) -> None:
    make(tmp_path / "images")
    told = interrupted(tmp_path, count, "apprendre", "images", *options, "--sortie", "r")
    for record in told["records"]:
        check(record)
        # Les résultats d'avant sont là, entiers ; seul un entraînement peut s'y ajouter.
        assert set(record["before"]) - set(record["left"]) <= {f"r/{TRAINING}"}
        assert set(record["left"]) - set(record["before"]) <= {f"r/{TRAINING}"}
        assert (ENDINGS[1] in record["err"]) == (f"r/{TRAINING}" in record["left"])
    results.whole(tmp_path / "r")


@pytest.mark.parametrize(
    ("words", "count"),
    [(("dessine", "lenet-5", "-o", "lenet.svg"), 3), (("resume", "alexnet", "--csv"), 2)],
    ids=["dessine", "resume"],
)
def test_ctrl_c_while_reading_a_network(words: tuple[str, ...], count: int, tmp_path: Path) -> None:
    for record in interrupted(tmp_path, count, *words)["records"]:
        check(record)
        assert record["before"] == record["left"]


SPY = """
import os, sys
from pathlib import Path
sys.path.append({aides!r})
from interrupted import interrupt_at

started = []

def watch(event, args):
    if event == "import" and args[0] == "photos.command" and not started:
        started.append(1)
        interrupt_at(int(os.environ["MOMENT"]), Path({total!r}))

sys.addaudithook(watch)
"""


def test_ctrl_c_while_importing(tmp_path: Path) -> None:
    """Dès le premier import de l'application, et jusqu'au dernier, torch et torchvision compris."""
    spy = SPY.format(aides=str(AIDES), total=str(tmp_path / "total"))
    (tmp_path / "sitecustomize.py").write_text(spy, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])

    def started(moment: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "reseaux", "predire", "absente.png"],
            capture_output=True, text=True, timeout=300, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path, "MOMENT": str(moment)},
        )  # fmt: skip

    assert started(0).returncode == 1
    total = int((tmp_path / "total").read_text())
    assert total > 1000
    for moment in (1, *random.Random(0).sample(range(2, total), 5)):
        done = started(moment)
        assert (done.returncode, done.stderr) == (130, "\nInterrompu.\n"), moment


def imported(*words: str) -> list[str]:
    """Ce que Python importe, dans l'ordre où chaque import s'achève."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return [line.rpartition("|")[2].strip() for line in lines]


def test_nothing_else_is_imported_before_ctrl_c_is_expected() -> None:
    """Le paquet est importé avant sa porte : il n'apporte rien qui prenne du temps."""
    before = imported("-m", "reseaux", "--version")
    before = before[: before.index("photos.entry") + 1]
    needed = imported("-c", "import runpy, importlib, os, signal, functools, collections.abc")
    assert set(before) - set(needed) == {"reseaux", "photos", "photos.entry"}


def test_ctrl_c_in_a_notebook_leaves_the_kernel(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("photos.learning.learn", stopped)
    assert run("apprendre", photos, *FAST) == 130
    assert capsys.readouterr().err == "\nInterrompu.\n"


CLOSED = """
import os, sys
for number in {closed}:
    os.close(number)
os.execv(sys.executable, [sys.executable, "-m", "reseaux", *sys.argv[1:]])
"""


@pytest.mark.parametrize("closed", [(2,), (0, 1)], ids=["erreur", "les autres"])
def test_closed_streams(closed: tuple[int, ...], tmp_path: Path) -> None:
    """Rien de ce qui se dit ne va dans un fichier ouvert ensuite, qui prendrait le numéro libre."""
    code = CLOSED.format(closed=closed)
    target = tmp_path / "lenet.svg"
    drawn = subprocess.run(
        [sys.executable, "-c", code, "dessine", "lenet-5", "-o", str(target)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert drawn.returncode == 0, drawn
    assert "Traceback" not in drawn.stderr
    assert target.read_text("utf-8").startswith("<svg")
    assert target.read_text("utf-8").rstrip().endswith("</svg>")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full")
def test_a_full_output_is_an_error() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "reseaux", "resume", "lenet-5"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=300,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("Erreur : lecture ou écriture impossible (le disque est plein)")
    assert len(done.stderr.splitlines()) == 1
