"""De vrais processus : lancés par torchrun, joints, arrêtés ensemble quand l'un échoue."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from reseaux.errors import ReseauxError
from reseaux.reuse import distributed, training

HEAD = """
import os, sys, time
from pathlib import Path
rank = int(os.environ["RANK"])
Path(f"pid-{rank}").write_text(str(os.getpid()))
"""


def program(folder: Path, body: str) -> Path:
    (folder / "programme.py").write_text(HEAD + body, encoding="utf-8")
    return folder / "programme.py"


def survivors(folder: Path) -> list[int]:
    """Les processus du programme qui vivent encore."""
    found = []
    for file in folder.glob("pid-*"):
        try:
            os.kill(int(file.read_text()), 0)
        except ProcessLookupError:
            continue
        found.append(int(file.read_text()))
    return found


def test_joined_processes_speak_to_each_other(tmp_path: Path) -> None:
    """Oracle : la somme de 1 et 2. La moyenne des gradients est tenue par la page du cours."""
    body = r"""
import torch
import torch.distributed as dist
from reseaux.reuse import distributed
with distributed.joined() as worker:
    total = torch.tensor([worker.rank + 1])
    dist.all_reduce(total)
    distributed.wait(worker)
    Path(f"somme-{worker.rank}").write_text(f"{int(total)} sur {worker.world_size}")
assert not dist.is_initialized()
sys.stdout.write(f"café {sys.argv[1]}\n")  # d'une seule écriture : les deux lignes ne se mêlent pas
"""
    shown = distributed.torchrun(program(tmp_path, body), "noir", folder=tmp_path)
    assert shown.splitlines() == ["café noir", "café noir"]
    assert [(tmp_path / f"somme-{r}").read_text() for r in (0, 1)] == ["3 sur 2", "3 sur 2"]
    assert len({(tmp_path / f"pid-{r}").read_text() for r in (0, 1)}) == 2


def test_alone_there_is_nothing_to_join() -> None:
    with distributed.joined() as worker:
        assert worker == training.ALONE
        distributed.wait(worker)


def test_a_failing_worker_is_reported_and_none_survives(tmp_path: Path) -> None:
    # Le second processus échoue ; le premier attendrait pour toujours.
    body = "if rank == 1: raise SystemExit('panne')\ntime.sleep(600)"
    with pytest.raises(ReseauxError, match=r"processus 1 a échoué \(code 1\) : panne"):
        distributed.torchrun(program(tmp_path, body), folder=tmp_path)
    assert (tmp_path / "pid-1").exists()
    assert survivors(tmp_path) == []


def test_too_slow_is_reported_and_none_survives(tmp_path: Path) -> None:
    with pytest.raises(ReseauxError, match="n'ont pas fini en 15 s"):
        distributed.torchrun(program(tmp_path, "time.sleep(600)"), folder=tmp_path, timeout=15)
    assert survivors(tmp_path) == []


def test_a_missing_program_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ReseauxError, match=r"code 2.*absent\.py"):
        distributed.torchrun("absent.py", processes=1, folder=tmp_path)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Ce que « torchrun » dit au premier de deux processus ; le groupe est une doublure."""
    for name, value in {
        "TORCHELASTIC_RUN_ID": "essai",
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "2",
        "WORLD_SIZE": "2",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "à rétablir")
    monkeypatch.delenv("GLOO_SOCKET_IFNAME")
    for name, answer in (("init", None), ("destroy", None), ("rank", 0), ("world_size", 2)):
        full = f"{name}_process_group" if answer is None else f"get_{name}"
        monkeypatch.setattr(dist, full, lambda *_, answer=answer, **__: answer)
    return monkeypatch


def test_a_single_launched_process_joins_nothing(launched: pytest.MonkeyPatch) -> None:
    launched.setenv("WORLD_SIZE", "1")
    launched.setattr(dist, "init_process_group", lambda *_, **__: pytest.fail("un groupe d'un"))
    with distributed.joined() as worker:
        assert worker == training.ALONE


@pytest.mark.parametrize(("platform", "interface"), [("linux", "lo"), ("darwin", "lo0")])
def test_one_machine_stays_on_its_loop(
    launched: pytest.MonkeyPatch, platform: str, interface: str
) -> None:
    launched.setattr(sys, "platform", platform)
    with distributed.joined() as worker:
        assert worker == training.Worker(0, 2)
    assert os.environ["GLOO_SOCKET_IFNAME"] == interface


@pytest.mark.parametrize(("cards", "library"), [(False, "gloo"), (True, "nccl")])
def test_a_slow_companion_is_waited_for_half_an_hour(
    launched: pytest.MonkeyPatch, cards: bool, library: str
) -> None:
    """L'un peut évaluer, ou écrire sur un disque lent, pendant que les autres l'attendent."""
    asked: list[object] = []
    launched.setattr(
        dist, "init_process_group", lambda *words, **given: asked.extend((words, given))
    )
    launched.setattr(torch.cuda, "device_count", lambda: 2)
    launched.setattr(torch.cuda, "set_device", asked.append)
    with distributed.joined(cards):
        pass
    assert asked == [0] * cards + [(library,), {"timeout": timedelta(minutes=30)}]


def test_the_processes_have_four_minutes_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []

    def communicate(running: subprocess.Popen[str], timeout: object = "?") -> tuple[str, str]:
        given.append(timeout)
        running.returncode = running.wait()
        return "fini", ""

    monkeypatch.setattr(sys, "executable", "true")
    monkeypatch.setattr(subprocess.Popen, "communicate", communicate)
    assert distributed.torchrun("x.py") == distributed.torchrun("x.py", timeout=7) == "fini"
    assert given == [240, 7]


@pytest.mark.usefixtures("launched")
def test_only_a_lost_companion_is_translated() -> None:
    lost = "[../gloo/transport/tcp/pair.cc] Connection closed by peer"
    with pytest.raises(ReseauxError, match="Un autre processus s'est arrêté"), distributed.joined():
        raise RuntimeError(lost)
    with pytest.raises(RuntimeError, match=r"^mat1 and mat2$"), distributed.joined():
        raise RuntimeError("mat1 and mat2")


def test_what_is_not_utf_8_is_shown_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\nprintf 'caf\\351'\n", encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert distributed.torchrun("rien.py") == "caf\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(("chosen", "found"), [(None, "1"), ("3", "3")])
def test_each_process_has_one_thread_unless_the_reader_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str | None, found: str
) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\nprintf $OMP_NUM_THREADS\n", encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if chosen:
        monkeypatch.setenv("OMP_NUM_THREADS", chosen)
    assert distributed.torchrun("rien.py") == found
