"""Les téléchargements, face à un vrai serveur HTTP local qui se conduit mal."""

import errno
import hashlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from filelock import FileLock

from local_server import CONTENT, PREFIX, Handler, Server, serve
from reseaux.errors import ReseauxError
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
        ("panne", r"Le serveur « 127\.0\.0\.1 » est en panne \(code 500\).*Réessayez plus tard"),
        ("hors-limites", r"refuse « .*/hors-limites » \(code 416\)"),
        ("interdit", r"refuse « .*/interdit » \(code 403\)"),
        ("muet", r"n'a rien envoyé d'utile pendant 0,4\xa0s.*connexion"),
        ("autre", rf"commence par [0-9a-f]{{8}}, pas par {PREFIX}.*Rien n'a été gardé"),
        ("portail", "une page web au lieu d'un fichier.*portail"),
        ("charabia", "ne se télécharge pas.*ne répond pas en HTTP"),
        ("sans-fin", r"d'adresse en adresse, sans jamais donner de fichier \(code 302\)"),
        ("vers-ftp", r"'ftp://….*/x' ne se télécharge pas"),
        ("statut-sans-fin", r"n'a rien envoyé d'utile pendant 0,4\xa0s"),
        ("taille-goutte", r"n'a rien envoyé d'utile pendant 0,4\xa0s"),
    ],
)
def test_a_misbehaving_server(server: Server, target: Path, path: str, message: str) -> None:
    with pytest.raises(DownloadError, match=message) as caught:
        fetch(f"{server.url}/{path}", target)
    assert [name for name in left(target) if not name.endswith(".part")] == []
    assert is_french(caught.value)
    assert "secret" not in str(caught.value)


# Ce que disent, en anglais, le système et les bibliothèques.
ENGLISH = re.compile(
    r"\b(errno|error|connection|refused|failed|reset|unknown|bad|the|timed)\b", re.I
)


def is_french(error: BaseException) -> bool:
    return ENGLISH.search(re.sub("« [^»]* »", "", str(error))) is None


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("muet-au-milieu", r"n'a rien envoyé d'utile pendant 0,4\xa0s"),
        ("coupe", r"300\u202f000 octets reçus sur 1\u202f024\u202f000"),
        ("coupe-sans-taille", "a été coupée"),
        ("coupe-net", "a été coupée|octets reçus sur"),
        ("goutte", r"arrive trop lentement : moins de 1\u202f000 octets par seconde"),
        ("ralentit", "arrive trop lentement"),
    ],
)
def test_an_interrupted_download_resumes(
    server: Server, target: Path, path: str, message: str
) -> None:
    """Ce qui est arrivé est gardé ; seule la suite est demandée, et le tout est vérifié."""
    with pytest.raises(DownloadError, match=f"{message}.*reprendra où il s'est arrêté") as caught:
        fetch(f"{server.url}/{path}", target)
    assert is_french(caught.value)
    assert not target.exists()
    arrived = part(target).read_bytes()
    assert arrived
    assert CONTENT.startswith(arrived)
    fetch(f"{server.url}/reprise", target)
    assert server.ranges == [None, f"bytes={len(arrived)}-"]
    assert target.read_bytes() == CONTENT
    assert left(target) == [target.name]


def part(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def kept(target: Path, content: bytes) -> None:
    """Ce qu'un téléchargement interrompu aurait laissé."""
    target.parent.mkdir()
    part(target).write_bytes(content)


@pytest.mark.parametrize("length", [1000, len(CONTENT), len(CONTENT) + 10])
def test_a_server_that_cannot_resume_sends_everything(
    server: Server, target: Path, length: int
) -> None:
    kept(target, b"x" * length)
    fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    assert target.read_bytes() == CONTENT
    assert left(target) == [target.name]


def test_a_part_that_is_too_long_starts_again(server: Server, target: Path) -> None:
    """Le serveur répond 416 : il n'y a rien après la fin du fichier."""
    kept(target, b"x" * (len(CONTENT) + 10))
    with pytest.raises(DownloadError, match=r"300\u202f000 octets reçus"):
        fetch(f"{server.url}/reprise", target)
    assert part(target).read_bytes() == CONTENT[:300_000]


def test_a_wrong_beginning_is_not_kept(server: Server, target: Path) -> None:
    kept(target, b"x" * 1000)
    with pytest.raises(DownloadError, match=r"commence par .*Rien n'a été gardé"):
        fetch(f"{server.url}/reprise", target)
    assert not part(target).exists()
    assert not target.exists()


def test_a_whole_file_left_beside_is_taken(server: Server, target: Path) -> None:
    """Tué entre le dernier octet et le changement de nom."""
    kept(target, CONTENT)
    fetch(f"{server.url}/reprise", target)
    assert target.read_bytes() == CONTENT
    assert server.asked == []


def test_the_rate_is_counted_per_second(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quarante octets en deux secondes : vingt par seconde, moins que trente."""
    monkeypatch.setattr(module, "SLOWEST", 30)
    threading.Timer(8, server.wake.set).start()
    with pytest.raises(DownloadError, match="arrive trop lentement"):
        fetch(f"{server.url}/goutte", target, timeout=2)


@pytest.mark.parametrize("window", [0.2, 0.4])
def test_a_slow_but_honest_server_is_not_refused(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch, window: float
) -> None:
    monkeypatch.setattr(module, "SLOWEST", 0.1)  # « goutte » en envoie vingt par seconde
    threading.Timer(3 * window, server.wake.set).start()
    with pytest.raises(DownloadError, match=r"octets reçus sur|coupée"):
        fetch(f"{server.url}/goutte", target, timeout=window)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_refuses_is_named(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.delenv("no_proxy")
    address = f"127.0.0.1:{server.server_port}"
    monkeypatch.setenv(f"{scheme}_proxy", f"http://moi:secret@{address}/")
    named = (
        rf"Le proxy « {address}/? » refuse « {scheme}://reseaux\.invalid/mandataire » \(code 407"
    )
    server.files[f"{scheme}://reseaux.invalid/mandataire"] = b""
    server.RequestHandlerClass = type("Proxy", (Handler,), {"file": Handler.mandataire})
    with pytest.raises(DownloadError, match=named) as caught:
        fetch(f"{scheme}://reseaux.invalid/mandataire", target)
    assert "secret" not in str(caught.value)
    assert is_french(caught.value)


def test_a_proxy_that_is_not_there_is_named(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setenv("http_proxy", f"http://{address}")
        with pytest.raises(DownloadError, match=f"avec le proxy « {address} » : connexion refusée"):
            fetch("http://reseaux.invalid/x", target)


@pytest.mark.parametrize(
    "url",
    [
        *("reseaux/x.pth", "", "http://", "http://[::1", "http://h:port/x", "http://h:99999/x"),
        *("file:///etc/hostname", "ftp://h/x", "http://h/a b", "http://h/é", "http://h\n/x"),
        *("http://h/\0", "http://" + "h" * 300 + "/x", "http://a..b/x", "http://é" * 40),
        *("http://h/x\r\ny z", "http://moi:secret@h/x", "http://moi:sec/ret@h:port/x"),
    ],
)
def test_a_malformed_address(target: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: (_ for _ in ()).throw(socket.gaierror)
    )
    with pytest.raises(DownloadError, match=r"Vérifiez l'adresse|est introuvable") as caught:
        fetch(url, target)
    assert is_french(caught.value)
    assert not re.search("sec|ret@|[\r\n]", str(caught.value))
    assert not target.exists()


def test_a_failure_leaves_the_old_file(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"ancien")
    with pytest.raises(DownloadError):
        fetch(f"{server.url}/coupe", target)
    assert target.read_bytes() == b"ancien"


def test_a_closed_port(target: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # réservé, mais personne n'écoute
        with pytest.raises(DownloadError, match=r"avec le serveur « 127\.0\.0\.1 » : connexion"):
            fetch(f"http://127.0.0.1:{closed.getsockname()[1]}/x", target)


def test_a_name_that_does_not_resolve(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    # « .invalid » est réservé : aucun serveur ne portera jamais ce nom (RFC 2606).
    with pytest.raises(DownloadError, match=r"« reseaux\.invalid » est introuvable.*connexion"):
        fetch("http://reseaux.invalid/x", target)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Fait échouer la copie, une fois la moitié du fichier écrite."""

    def fail(error: BaseException) -> None:
        real = Path.open

        def opened(path: Path, mode: str = "r") -> Any:
            stream = real(path, mode)
            if mode not in ("ab", "wb"):
                return stream

            def write(data: bytes) -> int:
                if stream.tell() + len(data) > 500_000:
                    raise error
                return stream.write(data)

            shown = mock.MagicMock(wraps=stream)
            shown.__enter__.return_value = mock.Mock(write=write)
            shown.__exit__.side_effect = lambda *_: stream.close()
            return shown

        monkeypatch.setattr(Path, "open", opened)

    return fail


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(
    server: Server, target: Path, full: Callable[[BaseException], None], code: int
) -> None:
    full(OSError(code, "plein"))
    with pytest.raises(DownloadError, match=r"est plein.*Rien n'a été gardé.*Libérez de la place"):
        fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    assert not part(target).exists()
    assert not target.exists()


def test_an_interruption_can_be_resumed(
    server: Server,
    target: Path,
    full: Callable[[BaseException], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    monkeypatch.undo()
    monkeypatch.setenv("no_proxy", "*")
    assert not target.exists()
    fetch(f"{server.url}/reprise", target)
    assert target.read_bytes() == CONTENT
    assert server.ranges[1] is not None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="pas de /dev/full")
def test_a_really_full_device(server: Server, target: Path) -> None:
    """Le refus vient du noyau : tout ce qu'on écrit dans ``/dev/full`` échoue."""
    target.parent.mkdir()
    part(target).symlink_to("/dev/full")
    with pytest.raises(DownloadError, match="le disque est plein"):
        fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    assert not target.exists()


def test_a_forbidden_folder(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target.parent.mkdir()
    target.parent.chmod(0o500)
    if os.access(target.parent, os.W_OK):  # le super-utilisateur passe outre
        error = PermissionError(errno.EACCES, "interdit")
        monkeypatch.setattr(module, "FileLock", lambda _: (_ for _ in ()).throw(error))
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


def test_a_folder_where_a_file_is_expected(server: Server, target: Path) -> None:
    target.mkdir(parents=True)
    with pytest.raises(DownloadError, match="est un dossier"):
        fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    assert server.asked == []


def test_of_two_processes_one_downloads(server: Server, target: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from reseaux.reuse.download import download; "
        "Path(sys.argv[4]).touch(); download(*sys.argv[1:4], timeout=20, progress=False)"
    )
    command = [sys.executable, "-c", program, f"{server.url}/bon-{PREFIX}.pth", target, PREFIX]
    ready = [tmp_path / "un", tmp_path / "deux"]

    def file(handler: Handler) -> None:
        """Ne répond que lorsque les deux processus veulent le fichier."""
        while not all(sign.exists() for sign in ready):
            server.wake.wait(0.05)
        server.wake.wait(0.5)
        Handler.file(handler)

    server.RequestHandlerClass = type("Together", (Handler,), {"file": file})
    running = [subprocess.Popen([*command, sign]) for sign in ready]
    assert [process.wait(60) for process in running] == [0, 0]
    assert len(server.asked) == 1
    assert target.read_bytes() == CONTENT
    assert left(target) == [target.name]


class Slow(FileLock):
    """Un programme que le système arrête juste après qu'il a rendu le verrou."""

    def release(self, force: bool = False) -> None:
        super().release(force)
        time.sleep(0.2)


def test_after_a_failure_those_who_waited_still_take_turns(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chacun efface le verrou en partant : deux ne téléchargent pas pour autant ensemble."""
    monkeypatch.setattr(module, "FileLock", Slow)
    together: list[int] = []
    inside = threading.Semaphore(100)

    def failing(handler: Handler) -> None:
        inside.acquire()
        together.append(100 - inside._value)
        handler.server.wake.wait(0.3)
        inside.release()
        handler.send_error(500)

    server.RequestHandlerClass = type("Failing", (Handler,), {"file": failing})

    def attempt() -> None:
        with pytest.raises(DownloadError, match="en panne"):
            fetch(f"{server.url}/x", target, timeout=10)

    attempts = [threading.Thread(target=attempt) for _ in range(8)]
    for each in attempts:
        each.start()
    for each in attempts:
        each.join(60)
    assert together == [1] * 8
    assert left(target) == []


@pytest.mark.parametrize("end", ["fichier", "absent"])
def test_a_link_is_followed(server: Server, target: Path, tmp_path: Path, end: str) -> None:
    real = tmp_path / "ailleurs" / end
    real.parent.mkdir()
    target.parent.mkdir()
    target.symlink_to(real)
    if end == "fichier":
        real.write_bytes(b"ancien")
    assert fetch(f"{server.url}/bon-{PREFIX}.pth", target) == target
    assert target.is_symlink()
    assert real.read_bytes() == CONTENT
    assert left(real) == [end]


@pytest.mark.skipif(os.name != "posix", reason="tubes")
@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_is_not_replaced(server: Server, target: Path, tmp_path: Path, linked: bool) -> None:
    pipe = tmp_path / "tube" if linked else target
    target.parent.mkdir()
    os.mkfifo(pipe)
    if linked:
        target.symlink_to(pipe)
    with pytest.raises(DownloadError, match="un dossier, un tube ou un périphérique"):
        fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    assert pipe.is_fifo()
    assert target.is_symlink() == linked
    assert server.asked == []


def test_a_link_to_itself_is_not_replaced(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.symlink_to(target)
    with pytest.raises(DownloadError, match="des liens tournent en rond"):
        fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    assert target.is_symlink()


def test_a_hash_in_capitals_is_the_same(server: Server, target: Path) -> None:
    download(f"{server.url}/bon-{PREFIX}.pth", target, PREFIX.upper(), progress=False)
    assert target.read_bytes() == CONTENT


def test_what_is_not_a_hash_asks_for_nothing(server: Server, target: Path) -> None:
    for odd in ("xyz", "0" * 65):
        with pytest.raises(DownloadError, match="n'est pas le début d'une empreinte"):
            download(f"{server.url}/bon-{PREFIX}.pth", target, odd)
    assert server.asked == []


def test_the_bar_speaks_french(
    server: Server, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(f"{server.url}/bon-{PREFIX}.pth", target, progress=True)
    shown = capsys.readouterr().err
    assert f"Téléchargement de bon-{PREFIX}.pth" in shown
    assert "1.02M/1.02M" in shown
    assert "o/s" in shown


def test_a_size_too_long_to_be_one_is_ignored(server: Server, target: Path) -> None:
    fetch(f"{server.url}/taille-sans-fin", target)
    assert target.read_bytes() == CONTENT


def test_half_a_minute_of_silence_or_a_trickle_are_too_long(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Les limites de qui ne dit rien ; les autres tests les raccourcissent."""
    asked: list[object] = []
    monkeypatch.setattr(module, "_fetch", lambda *given: (asked.append(given[2]), given[1].touch()))
    download("http://loin/x", target, hashlib.sha256(b"").hexdigest())
    assert (asked, module.SLOWEST) == ([30], 1000)


@pytest.mark.parametrize("timeout", [0, 1e10, 1e300])
def test_an_impossible_wait_is_refused(target: Path, timeout: float) -> None:
    """Au-delà de quelques siècles, le système lui-même ne sait plus compter."""
    with pytest.raises(ReseauxError, match="« timeout » vaut"):
        fetch("http://127.0.0.1:1/x", target, timeout=timeout)


def test_the_server_is_told_who_asks(server: Server, target: Path) -> None:
    """Des serveurs refusent « Python-urllib »."""
    fetch(f"{server.url}/bon-{PREFIX}.pth", target)
    assert server.agents == ["reseaux"]


@pytest.mark.parametrize(("timeout", "said"), [(0.4, "0,4"), (1, "1"), (30, "30")])
def test_a_silence_is_counted_in_seconds(timeout: float, said: str) -> None:
    message = module._network_problem(TimeoutError(), "http://loin/x", timeout)
    assert f"« loin » n'a rien envoyé d'utile pendant {said}\xa0s ;" in message
