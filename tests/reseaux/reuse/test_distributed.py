"""De vrais processus : lancés par torchrun, joints, arrêtés ensemble quand l'un échoue."""

import os
from pathlib import Path

import pytest

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
