"""Écrire d'un coup : des écrivains tués ne perdent rien et ne laissent rien."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from torch import nn

from reseaux.atomic import atomic_write
from reseaux.reuse import checkpoints


@pytest.mark.skipif(not hasattr(os, "fork"), reason="pas de fork")
def test_two_hundred_killed_writers_lose_nothing(tmp_path: Path) -> None:
    """De vrais processus, tués par le système à n'importe quel moment d'une sauvegarde."""
    program = Path(__file__).parents[1] / "aides" / "killed_writer.py"
    command = [sys.executable, program, tmp_path, "200"]
    done = subprocess.run(command, check=True, timeout=300, capture_output=True, text=True)
    found = json.loads(done.stdout)
    records, size = found["records"], found["size"]
    assert len(records) == 200
    for record in records:
        # Ce que « save » a rendu est sur le disque ; au plus, l'écriture en cours a abouti.
        assert record["epoch"] in (record["announced"], record["announced"] + 1), record
        assert record["values"] == [record["epoch"]], record
        assert len(record["left"]) <= 1, record  # le temporaire du précédent a été effacé
    # Les coups ont porté à des moments différents : pendant, entre deux, après une sauvegarde.
    left = [length for record in records for length in record["left"]]
    assert len(left) >= 20
    assert len(left) <= 180
    assert any(0 < length < size for length in left)  # au milieu de l'écriture
    assert any(record["announced"] > record["before"] for record in records)
    assert found["at_the_end"] == ["c.pt"]


def test_a_killed_writer_leaves_the_last_checkpoint_whole(tmp_path: Path) -> None:
    """Tué exactement au milieu ; ce qu'il laisse part à la sauvegarde suivante, pas avant."""
    path = tmp_path / "poids.pt"
    checkpoints.save_weights(nn.Linear(3, 2), path)
    before = path.read_bytes()
    program = """
import os, signal, sys
from reseaux.atomic import atomic_write
with atomic_write(sys.argv[1]) as stream:
    stream.write(b"x" * 100_000)
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=120)
    assert done.returncode == -9
    assert len(list(tmp_path.iterdir())) == 2  # le temporaire est resté, à côté
    assert path.read_bytes() == before
    checkpoints.load_weights(nn.Linear(3, 2), path)
    checkpoints.save_weights(nn.Linear(3, 2), path.with_name("autre.pt"))
    assert len(list(tmp_path.iterdir())) == 3  # ce temporaire n'est pas celui d'« autre.pt »
    checkpoints.save_weights(nn.Linear(3, 2), path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["autre.pt", "poids.pt"]


def test_a_living_writer_keeps_its_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with atomic_write(path) as slow:
        slow.write(b"lent")
        with atomic_write(path) as quick:
            quick.write(b"rapide")
        assert path.read_bytes() == b"rapide"
    assert path.read_bytes() == b"lent"
    assert [f.name for f in tmp_path.iterdir()] == ["f"]


def test_a_failing_block_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"ancien")
    with pytest.raises(RuntimeError), atomic_write(path) as stream:  # noqa: PT012
        stream.write(b"nouveau")
        raise RuntimeError
    assert [f.name for f in tmp_path.iterdir()] == ["f"]
    assert path.read_bytes() == b"ancien"


def test_bytes_reach_the_disk_before_the_name_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    real_sync, real_replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda h: (calls.append("fsync"), real_sync(h))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("replace"), real_replace(a, b)))
    with atomic_write(tmp_path / "f") as stream:
        stream.write(b"x")
    assert calls == ["fsync", "replace", "fsync"]


def test_the_mode_is_that_of_any_file(tmp_path: Path) -> None:
    """Oracle : un fichier ouvert de la façon ordinaire."""
    (tmp_path / "ordinaire").write_bytes(b"")
    with atomic_write(tmp_path / "f") as stream:
        stream.write(b"x")
    assert (tmp_path / "f").stat().st_mode == (tmp_path / "ordinaire").stat().st_mode
