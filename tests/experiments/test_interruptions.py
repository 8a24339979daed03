"""Une étude tuée, interrompue, relancée : aucune ligne perdue, double ou coupée."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import toy_study
from experiments import results
from experiments.study import PROVENANCE

pytestmark = pytest.mark.usefixtures("toy")

KILLS, DRAWS = 20, 150  # 900 cases : il en reste après le dernier coup
SOON = 60  # secondes ; une machine chargée met longtemps à lancer un programme

CODE = "import toy_study; toy_study.main()"
# L'étude jouet ne calcule pas avec torch : s'en passer lance ces programmes en une seconde.
TORCH = "def get_num_threads(): return 1\ndef set_num_threads(count): pass\n"


def start(folder: Path, seconds: float, *words: str, draws: int = 4) -> "subprocess.Popen[str]":
    """Lance la commande, l'étude jouet pour toute étude, dans une session à elle."""
    asked = {toy_study.SECONDS: str(seconds), toy_study.DRAWS: str(draws)}
    light = folder.with_name("sans torch")
    light.mkdir(exist_ok=True)
    (light / "torch.py").write_text(TORCH)
    return subprocess.Popen(
        [sys.executable, "-c", CODE, str(folder), "--processus", "2", *words],
        env={**os.environ, **asked, "PYTHONPATH": os.pathsep.join([str(light), *sys.path])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def whole_lines(file: Path) -> bytes:
    content = file.read_bytes() if file.exists() else b""
    return content[: content.rfind(b"\n") + 1]


def wait_for_a_row(file: Path, before: bytes) -> None:
    """Attend une ligne de plus qu'avant, le titre mis à part."""
    known, limit = max(before.count(b"\n"), 1), time.monotonic() + SOON
    while whole_lines(file).count(b"\n") <= known:
        assert time.monotonic() < limit, "aucune ligne n'arrive"
        time.sleep(0.005)


def workers(program: "subprocess.Popen[str]") -> list[psutil.Process]:
    return psutil.Process(program.pid).children(recursive=True)


def test_killed_twenty_times_no_row_is_lost(toy: Path) -> None:
    rng, study = random.Random(0), toy_study.drawn(DRAWS)
    before, fruitful = b"", 0
    launch = 2.0  # secondes ; mesuré à chaque fois que l'on attend une ligne
    for kill in range(KILLS):
        program = start(toy, 0.005, draws=DRAWS)
        began = time.monotonic()
        if kill % 2 == 0:
            wait_for_a_row(study.path, before)
            launch = time.monotonic() - began
            time.sleep(rng.uniform(0, 0.3))
        else:
            time.sleep(rng.uniform(0, 1.2 * launch))
        assert program.poll() is None, "l'étude a fini avant le coup"
        program.kill()
        program.communicate()
        after = whole_lines(study.path)
        assert after.startswith(before)
        fruitful += after.count(b"\n") > max(before.count(b"\n"), 1)
        before = after
        keys = [study.key(row) for row in results.read(study)]
        assert len({*keys}) == len(keys) == max(after.count(b"\n") - 1, 0)
    assert fruitful >= KILLS // 2
    last = start(toy, 0, draws=DRAWS)
    said, _ = last.communicate()
    assert last.returncode == 0
    assert "à faire, 0.\n" in said
    rows = results.read(study)
    assert study.path.read_bytes().startswith(before)
    assert study.path.read_bytes() == whole_lines(study.path)
    assert len(rows) == len(study.plan)
    both = sorted(rows, key=study.key), sorted(study.plan, key=study.key)
    for row, cell in zip(*both, strict=True):
        found = {name: str(v) for name, v in {**cell, **study.measure(cell)}.items()}
        found["score"] = str(round(float(found["score"]), 6))
        assert found == {name: v for name, v in row.items() if name not in PROVENANCE}


def test_workers_die_with_their_program(toy: Path) -> None:
    program = start(toy, 300)  # aucune case ne finira
    limit = time.monotonic() + SOON
    while sum("LokyProcess" in " ".join(w.cmdline()) for w in workers(program)) < 2:
        assert time.monotonic() < limit
        time.sleep(0.05)
    time.sleep(2)
    left = workers(program)
    program.kill()
    program.communicate()
    _, alive = psutil.wait_procs(left, timeout=SOON)
    for worker in alive:
        worker.kill()
    assert not alive


@pytest.mark.parametrize("everyone", [False, True])
def test_ctrl_c_keeps_the_rows(toy: Path, everyone: bool) -> None:
    study = toy_study.drawn(DRAWS)
    program = start(toy, 0.05, draws=DRAWS)
    wait_for_a_row(study.path, b"")
    left = workers(program)
    # Dans un terminal, Ctrl+C atteint aussi les processus de calcul.
    (os.killpg if everyone else os.kill)(program.pid, signal.SIGINT)
    _, said = program.communicate(timeout=SOON)
    assert program.returncode == 130
    assert said.strip().splitlines()[-1] == (
        "Interrompu. Les lignes mesurées sont gardées ; relancez pour continuer."
    )
    assert "Traceback" not in said
    assert "Warning" not in said
    assert 1 <= len(results.read(study)) < len(study.plan)
    assert not psutil.wait_procs(left, timeout=SOON)[1]


def test_two_programs_at_once_are_refused(toy: Path) -> None:
    first = start(toy, 300)
    limit = time.monotonic() + SOON
    while not (toy / "jouet.csv").exists():
        assert time.monotonic() < limit
        time.sleep(0.02)
    second = start(toy, 0)
    out, said = second.communicate(timeout=SOON)
    first.kill()
    first.communicate()
    assert second.returncode == 1
    assert "Un autre programme mesure déjà « jouet » ; attendez qu'il ait fini." in said
    assert out == ""
