"""Écrire d'un coup : des écrivains tués ne perdent rien et ne laissent rien."""

import fcntl
import json
import os
import resource
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType
from typing import IO

import pytest
from torch import nn

from reseaux import atomic
from reseaux.atomic import atomic_write
from reseaux.errors import ReseauxError
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


# Des noms où « * », « ? » et les crochets ont un autre sens pour « glob ».
NAMES = ("poids1.pt", "poids[1].pt", "poids[!a].pt", "poids?.pt", "poids*.pt", "*", "[", "é[é].pt")


@pytest.mark.parametrize("name", NAMES)
def test_the_temporaries_of_a_file_are_its_own(name: str, tmp_path: Path) -> None:
    """Ceux que des écrivains morts ont laissés pour chaque nom : un seul s'en va."""
    left = {other: tmp_path / f".{other}.0123abcd.tmp" for other in NAMES}
    for orphan in left.values():
        orphan.touch()
    assert list(atomic.temporaries(tmp_path / name)) == [left.pop(name)]
    with atomic_write(tmp_path / name) as stream:
        stream.write(b"x")
    assert {*tmp_path.iterdir()} == {*left.values(), tmp_path / name}


def test_a_living_writer_keeps_its_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with atomic_write(path) as slow:
        slow.write(b"lent")
        with atomic_write(path) as quick:
            quick.write(b"rapide")
        assert path.read_bytes() == b"rapide"
    assert path.read_bytes() == b"lent"
    assert [f.name for f in tmp_path.iterdir()] == ["f"]


def test_forgetting_leaves_what_another_program_writes(tmp_path: Path) -> None:
    """L'écriture d'un autre programme aboutit ; la nôtre, et celle d'un mort, s'effacent."""
    path = tmp_path / "f"
    other = (
        "import sys; from reseaux.atomic import atomic_write\nwith atomic_write(sys.argv[1]) as f:"
    )
    other += "\n    print(flush=True); f.write(input().encode())"
    with subprocess.Popen(
        [sys.executable, "-c", other, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as alive:
        assert alive.stdin is not None
        assert alive.stdout is not None
        alive.stdout.readline()
        [its] = atomic.temporaries(path)
        path.with_name(".f.0123abcd.tmp").touch()
        ours = atomic_write(path)
        ours.__enter__().write(b"de nous")
        atomic.forget(path)
        assert [*atomic.temporaries(path)] == [its]
        with pytest.raises(FileNotFoundError):
            ours.__exit__(None, None, None)
        alive.stdin.write(b"de lui\n")
        alive.stdin.close()
    assert path.read_bytes() == b"de lui"
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


@pytest.mark.parametrize("existing", [None, 0o600, 0o640, 0o755])
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_the_rights_are_those_open_would_give(
    tmp_path: Path, umask: int, existing: int | None
) -> None:
    """Oracle : un fichier, déjà là ou non, ouvert de la façon ordinaire."""
    before = os.umask(umask)
    try:
        for name in ("ordinaire", "f"):
            if existing:
                (tmp_path / name).touch()
                (tmp_path / name).chmod(existing)
        (tmp_path / "ordinaire").write_bytes(b"x")
        with atomic_write(tmp_path / "f") as stream:
            stream.write(b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "f").stat().st_mode == (tmp_path / "ordinaire").stat().st_mode


def test_a_protected_file_is_refused_as_open_does() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, user = Path(name), os.geteuid()
        folder.chmod(0o777)
        if user == 0:
            os.seteuid(65534)  # l'administrateur passe outre les protections
        try:
            (folder / "f").write_bytes(b"ancien")
            (folder / "f").chmod(0o444)
            with pytest.raises(PermissionError), atomic_write(folder / "f") as stream:
                stream.write(b"nouveau")
        finally:
            os.seteuid(user)
        assert [f.read_bytes() for f in folder.iterdir()] == [b"ancien"]


@pytest.mark.parametrize("dangling", [True, False])
def test_a_link_is_followed(tmp_path: Path, dangling: bool) -> None:
    target, link = tmp_path / "cible", tmp_path / "lien"
    link.symlink_to("cible")
    if not dangling:
        target.write_bytes(b"ancien")
    with atomic_write(link) as stream:
        stream.write(b"nouveau")
    assert link.is_symlink()
    assert target.read_bytes() == b"nouveau"
    assert sorted(f.name for f in tmp_path.iterdir()) == ["cible", "lien"]


def test_a_loop_of_links_and_a_folder_are_refused(tmp_path: Path) -> None:
    loop = tmp_path / "boucle"
    loop.symlink_to("boucle")
    with pytest.raises(OSError, match="Too many levels"), atomic_write(loop):
        pass
    assert loop.is_symlink()
    with pytest.raises(IsADirectoryError), atomic_write(tmp_path):
        pass


def test_a_pipe_receives_the_bytes(tmp_path: Path) -> None:
    pipe = tmp_path / "tube"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with atomic_write(pipe) as stream:
            stream.write(b"x")
        assert os.read(reader, 10) == b"x"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="/dev/fd")
def test_an_open_pipe_has_a_name_too() -> None:
    """Comme « /dev/stdout » : un lien du système, qui ne mène à aucun chemin."""
    reader, writer = os.pipe()
    with atomic_write(f"/dev/fd/{writer}") as stream:
        stream.write(b"x")
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == b"x"


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127 + ".", "😀" * 63 + ".pt"], ids=len)
def test_the_longest_names_are_written(tmp_path: Path, name: str) -> None:
    assert len(os.fsencode(name)) == 255  # ce que permettent les systèmes courants
    with atomic_write(tmp_path / name) as stream:
        stream.write(b"x")
    assert [f.name for f in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("path", ["a\0b", "\ud800", b"octets", 3, None, ["a"]])
def test_what_is_not_a_file_name_is_refused(path: object) -> None:
    with pytest.raises(ReseauxError, match="n'est pas un nom de fichier"), atomic_write(path):  # type: ignore[arg-type]
        pass


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"ancien")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError), atomic_write(path) as stream:
            stream.writelines([b"x" * 50_000] * 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [f.name for f in tmp_path.iterdir()] == ["f"]
    assert path.read_bytes() == b"ancien"


def test_an_interruption_at_any_line_leaves_one_whole_file(tmp_path: Path) -> None:
    """Ctrl+C avant chaque ligne, tour à tour : l'ancien fichier ou le nouveau, et rien d'autre."""
    path, seen, outer = tmp_path / "f", set(), sys.gettrace()
    for moment in range(1, 200):
        path.write_bytes(b"ancien")
        left = moment

        def interrupt(frame: FrameType, event: str, _: object) -> object:
            nonlocal left
            if frame.f_code.co_filename != atomic.__file__:
                return None
            left -= event == "line"
            if left == 0:
                raise KeyboardInterrupt
            return interrupt

        sys.settrace(interrupt)  # type: ignore[arg-type]
        try:
            with atomic_write(path) as stream:
                stream.write(b"nouveau")
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(outer)
        seen.add(path.read_bytes())
        assert [f.name for f in tmp_path.iterdir()] == ["f"], moment
        if left > 0:
            break
    assert moment > 20
    assert seen == {b"ancien", b"nouveau"}


def test_no_file_stays_open(tmp_path: Path) -> None:
    def next_descriptor() -> int:
        """Le système donne le plus petit numéro libre."""
        number = os.open(tmp_path, os.O_RDONLY)
        os.close(number)
        return number

    path, before = tmp_path / "a.pt", next_descriptor()
    for content in (b"un", b"deux"):
        with atomic_write(path) as stream:
            stream.write(content)
    with pytest.raises(ZeroDivisionError), atomic_write(path):
        raise ZeroDivisionError
    assert next_descriptor() == before


def test_the_author_waits_for_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Un autre vient de prendre le fichier à peine créé, le temps de voir s'il est orphelin."""
    real = fcntl.flock

    def disputed(stream: IO[bytes], flags: int) -> None:
        monkeypatch.setattr(fcntl, "flock", real)
        with Path(stream.name).open("rb") as other:
            real(other, fcntl.LOCK_EX)
            release = threading.Timer(0.2, real, (other, fcntl.LOCK_UN))
            release.start()
            try:
                real(stream, flags)
            finally:
                release.join()

    monkeypatch.setattr(fcntl, "flock", disputed)
    with atomic_write(tmp_path / "a.pt") as stream, Path(stream.name).open("rb") as other:
        with pytest.raises(BlockingIOError):
            real(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        stream.write(b"entier")
