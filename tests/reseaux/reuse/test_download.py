"""Les téléchargements, face à un vrai serveur HTTP local qui se conduit mal."""

import contextlib
import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from local_server import CONTENT, PREFIX, Handler, Server, serve
from reseaux.atomic import atomic_write
from reseaux.reuse import download as module
from reseaux.reuse.download import DownloadError, download

SHORT = 0.4  # secondes : le silence toléré dans ces tests


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    with serve() as server:
        yield server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / f"bon-{PREFIX}.pth"


def left(target: Path) -> list[str]:
    """Ce qui reste dans le dossier, fichiers cachés compris."""
    return sorted(os.listdir(target.parent)) if target.parent.exists() else []  # noqa: PTH208


def fetch(url: str, target: Path, **options: object) -> Path:
    settings: dict[str, object] = {"timeout": SHORT, "progress": False, **options}
    return download(url, target, PREFIX, **settings)  # type: ignore[arg-type]


def test_a_good_file_arrives_whole(server: Server, target: Path) -> None:
    assert fetch(f"{server.url}/bon-{PREFIX}.pth", target) == target
    assert target.read_bytes() == CONTENT
    assert left(target) == [target.name]


def test_a_redirection_is_followed(server: Server, target: Path) -> None:
    fetch(f"{server.url}/ailleurs", target)
    assert target.read_bytes() == CONTENT
    assert server.asked == ["/ailleurs", f"/bon-{PREFIX}.pth"]


def test_a_second_time_nothing_is_asked(server: Server, target: Path) -> None:
    for _ in range(2):
        fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    assert len(server.asked) == 1


def test_a_damaged_file_in_the_cache_is_replaced(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(CONTENT[:-1])
    fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("absent.pth", r"absent\.pth » n'existe pas ou plus \(code 404\)"),
        ("panne", r"est en panne \(code 500\).*Réessayez plus tard"),
        ("interdit", r"refuse « .*/interdit » \(code 403\)"),
        ("muet", r"n'a rien envoyé pendant 0,4\xa0s.*connexion"),
        ("muet-au-milieu", r"n'a rien envoyé pendant 0,4\xa0s"),
        ("coupe", r"300\u202f000 octets reçus sur 1\u202f024\u202f000"),
        ("coupe-sans-taille", "a été coupée pendant le téléchargement"),
        ("coupe-net", "a été coupée pendant le téléchargement|octets reçus sur"),
        ("autre", rf"commence par [0-9a-f]{{8}}, pas par {PREFIX}.*Rien n'a été gardé"),
        ("portail", "une page web au lieu d'un fichier.*portail"),
        ("charabia", "ne se télécharge pas"),
        ("sans-fin", r"refuse « .* » \(code 302\)"),
    ],
)
def test_a_misbehaving_server(server: Server, target: Path, path: str, message: str) -> None:
    with pytest.raises(DownloadError, match=message):
        fetch(f"{server.url}/{path}", target)
    assert left(target) == []


def test_a_failure_leaves_the_old_file(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"ancien")
    with pytest.raises(DownloadError):
        fetch(f"{server.url}/coupe", target)
    assert target.read_bytes() == b"ancien"
    assert left(target) == [target.name]


def test_a_closed_port(target: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # réservé, mais personne n'écoute
        with pytest.raises(DownloadError, match=r"Pas de connexion au serveur « 127\.0\.0\.1 »"):
            fetch(f"http://127.0.0.1:{closed.getsockname()[1]}/x", target)
    assert left(target) == []


def test_a_name_that_does_not_resolve(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    # « .invalid » est réservé : aucun serveur ne portera jamais ce nom (RFC 2606).
    with pytest.raises(DownloadError, match=r"« reseaux\.invalid » est introuvable.*connexion"):
        fetch("http://reseaux.invalid/x", target)
    assert left(target) == []


def test_an_address_without_a_protocol(target: Path) -> None:
    with pytest.raises(DownloadError, match=r"ne se télécharge pas.*Vérifiez l'adresse"):
        fetch("reseaux/x.pth", target)
    assert left(target) == []


def failing(
    error: BaseException, after: int
) -> Callable[[Path], contextlib.AbstractContextManager[IO[bytes]]]:
    """Une écriture atomique dont le fichier lève ``error`` une fois ``after`` octets écrits."""

    @contextlib.contextmanager
    def opened(path: Path) -> Iterator[IO[bytes]]:
        with atomic_write(path) as stream:
            real = stream.write

            class Full:
                def write(self, data: bytes) -> int:
                    if stream.tell() + len(data) > after:
                        raise error
                    return real(data)

            yield Full()  # type: ignore[misc]

    return opened


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(module, "atomic_write", failing(OSError(code, "plein"), 500_000))
    with pytest.raises(DownloadError, match=r"est plein.*Libérez de la place"):
        fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    assert left(target) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="pas de /dev/full")
def test_a_really_full_device(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Le refus vient du noyau : tout ce qu'on écrit dans ``/dev/full`` échoue."""

    @contextlib.contextmanager
    def full(path: Path) -> Iterator[IO[bytes]]:
        with Path("/dev/full").open("wb") as stream:
            yield stream

    monkeypatch.setattr(module, "atomic_write", full)
    with pytest.raises(DownloadError, match="le disque est plein"):
        fetch(f"{server.url}/bon-{PREFIX}.pth", target)


def test_a_forbidden_folder(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target.parent.mkdir()
    target.parent.chmod(0o500)
    if os.access(target.parent, os.W_OK):  # le super-utilisateur passe outre
        error = PermissionError(errno.EACCES, "interdit")
        monkeypatch.setattr("reseaux.atomic._create", lambda _: (_ for _ in ()).throw(error))
    with pytest.raises(DownloadError, match=r"droits insuffisants.*autre dossier"):
        fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    assert left(target) == []


def test_a_folder_that_is_a_file(server: Server, target: Path) -> None:
    target.parent.write_text("")
    with pytest.raises(
        DownloadError, match="ne peut pas être écrit : un fichier porte le nom d'un dossier"
    ):
        fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    assert server.asked == []


def test_an_interruption_leaves_nothing(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "atomic_write", failing(KeyboardInterrupt(), 500_000))
    with pytest.raises(KeyboardInterrupt):
        fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    assert left(target) == []


def test_two_processes_at_once(server: Server, target: Path) -> None:
    program = (
        "import sys; from reseaux.reuse.download import download; "
        "download(*sys.argv[1:4], timeout=20, progress=False)"
    )
    command = [sys.executable, "-c", program, f"{server.url}/bon-{PREFIX}.pth", target, PREFIX]
    # Chacun n'est servi que lorsque les deux ont demandé : leurs écritures se chevauchent.
    together, file = threading.Barrier(2), Handler.file
    server.RequestHandlerClass = type(
        "Together", (Handler,), {"file": lambda self: (together.wait(20), file(self))}
    )
    running = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    assert len(server.asked) == 2
    assert target.read_bytes() == CONTENT
    assert left(target) == [target.name]


def test_the_bar_speaks_french(
    server: Server, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(f"{server.url}/bon-{PREFIX}.pth", target, progress=True)
    shown = capsys.readouterr().err
    assert f"Téléchargement de bon-{PREFIX}.pth" in shown
    assert "1.02M/1.02M" in shown
    assert "o/s" in shown


def test_the_server_is_told_who_asks(server: Server, target: Path) -> None:
    """Des serveurs refusent « Python-urllib »."""
    fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    assert server.agents == ["reseaux"]


@pytest.mark.parametrize(("timeout", "said"), [(0.4, "0,4"), (1, "1"), (30, "30")])
def test_a_silence_is_counted_in_seconds(timeout: float, said: str) -> None:
    message = module._network_problem(TimeoutError(), "http://loin/x", timeout)
    assert f"« loin » n'a rien envoyé pendant {said}\xa0s ;" in message
