"""Ouvrir une adresse : le délai vaut pour le tout, quoi que le serveur envoie."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from local_server import CONTENT, PREFIX, Server, serve
from reseaux.reuse.opening import Response, bounded_opener

SHORT = 0.4  # secondes : le délai de ces tests


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Au bout de dix secondes, ce qui attendrait pour toujours est réveillé."""
    monkeypatch.setenv("no_proxy", "*")
    with serve() as server:
        late = threading.Timer(10, server.wake.set)
        late.start()
        yield server
        late.cancel()
        assert not server.wake.is_set(), "attend pour toujours"


def opened(server: Server, path: str) -> Response:
    return bounded_opener(lambda _: None).open(f"{server.url}/{path}", timeout=SHORT)


@pytest.mark.parametrize("path", ["statut-sans-fin", "en-tete-sans-fin", "patience-sans-fin"])
def test_an_endless_beginning_is_left(server: Server, path: str) -> None:
    with pytest.raises(TimeoutError):
        opened(server, path)


@pytest.mark.parametrize(("path", "first"), [("taille-goutte", b""), ("suite-sans-fin", b"abc")])
def test_an_endless_line_is_left(server: Server, path: str, first: bytes) -> None:
    with opened(server, path) as response:
        if first:
            assert response.read1(1 << 18) == first
        with pytest.raises(TimeoutError):
            response.read1(1 << 18)


def test_the_page_of_a_redirection_is_not_read(server: Server) -> None:
    with opened(server, "page-sans-fin") as response:
        assert CONTENT.startswith(response.read1(1 << 18))
    assert server.asked == ["/page-sans-fin", f"/bon-{PREFIX}.pth"]


def test_each_piece_has_the_whole_delay(server: Server) -> None:
    """Un fichier peut arriver en plus de temps que le délai."""
    start = time.monotonic()
    with opened(server, "goutte") as response:
        while time.monotonic() < start + 3 * SHORT:
            assert len(response.read1(1 << 18)) >= 1


def test_the_delay_of_the_connection_is_given_back() -> None:
    """Après un proxy, la même connexion sert encore : un tunnel a tout son temps."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(SHORT)
        theirs.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        Response(ours).begin()
        assert ours.gettimeout() == SHORT


def test_a_redirection_is_checked_first(server: Server) -> None:
    asked: list[str] = []

    def refuse(address: str) -> None:
        asked.append(address)
        raise LookupError

    with pytest.raises(LookupError):
        bounded_opener(refuse).open(f"{server.url}/ailleurs", timeout=SHORT)
    assert asked == [f"{server.url}/bon-{PREFIX}.pth"]
    assert server.asked == ["/ailleurs"]
