"""Un vrai serveur HTTP sur cette machine, qui se conduit mal de toutes les façons demandées."""

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(range(256)) * 4000  # un mégaoctet
PREFIX = hashlib.sha256(CONTENT).hexdigest()[:8]


class Server(ThreadingHTTPServer):
    """Sert ``files`` aux adresses sans histoire ; note chaque demande."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/bon-" + PREFIX + ".pth": CONTENT}
        self.asked: list[str] = []
        self.agents: list[str | None] = []  # qui demande
        self.ranges: list[str | None] = []  # ce que chaque demande veut reprendre
        self.wake = threading.Event()  # réveille les réponses qui se taisent

    def handle_error(self, request: object, client_address: object) -> None:
        """Une connexion coupée exprès ne s'affiche pas comme une erreur du serveur."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.agents.append(self.headers["User-Agent"])
        self.server.ranges.append(self.headers.get("Range"))
        getattr(self, self.path.strip("/").replace("-", "_"), self.file)()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def answer(
        self, body: bytes, length: int | None = None, kind: str = "application/octet-stream"
    ) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(CONTENT) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def file(self) -> None:
        body = self.server.files.get(self.path)
        if body is None:
            return self.send_error(404)
        self.answer(body, len(body))

    def reprise(self) -> None:
        """Sert la suite qu'on lui demande ; du début, le tiers seulement."""
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        if start >= len(CONTENT):
            return self.send_error(416)
        if not start:
            return self.answer(CONTENT[:300_000])
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start:])

    def goutte(self) -> None:
        self.drip(0)

    def ralentit(self) -> None:
        self.drip(300_000)

    def drip(self, start: int) -> None:
        """Le début d'un coup, puis un octet à la fois, sans jamais se taire."""
        self.answer(CONTENT[:start])
        while not self.server.wake.wait(0.05):
            self.wfile.write(CONTENT[start : start + 1])
            start += 1

    def mandataire(self) -> None:
        self.send_error(407)

    def do_CONNECT(self) -> None:
        self.send_error(407)

    def panne(self) -> None:
        self.send_error(500)

    def hors_limites(self) -> None:
        self.send_error(416)

    def interdit(self) -> None:
        self.send_error(403)

    def muet(self) -> None:
        self.server.wake.wait(20)

    def muet_au_milieu(self) -> None:
        self.answer(CONTENT[:300_000])
        self.wfile.flush()
        self.server.wake.wait(20)

    def coupe(self) -> None:
        self.answer(CONTENT[:300_000])

    def coupe_sans_taille(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"186a0\r\n" + CONTENT[:50_000])

    def coupe_net(self) -> None:
        """Une connexion réinitialisée : le système envoie RST au lieu de FIN."""
        self.answer(CONTENT[:300_000])
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()

    def taille_sans_fin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "9" * 5000)
        self.end_headers()
        self.wfile.write(CONTENT)

    def autre(self) -> None:
        self.answer(CONTENT[::-1])

    def portail(self) -> None:
        self.answer(b"<html>Identifiez-vous</html>", 28, "text/html; charset=utf-8")

    def charabia(self) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    def ailleurs(self) -> None:
        self.send_response(302)
        self.send_header("Location", f"/bon-{PREFIX}.pth")
        self.end_headers()

    def forever(self, start: bytes, again: bytes) -> None:
        """Un début, puis la même chose sans fin, sans jamais se taire."""
        self.wfile.write(start)
        while not self.server.wake.wait(0.05):
            self.wfile.write(again)

    def statut_sans_fin(self) -> None:
        self.forever(b"HTTP/1.1 2", b"0")

    def en_tete_sans_fin(self) -> None:
        self.forever(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x")

    def patience_sans_fin(self) -> None:
        self.forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10)

    def taille_goutte(self) -> None:
        self.forever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0")

    def suite_sans_fin(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
        self.forever(head, b"X-A: b\r\n")

    def page_sans_fin(self) -> None:
        self.forever(f"HTTP/1.1 302 Found\r\nLocation: /bon-{PREFIX}.pth\r\n\r\n".encode(), b"x")

    def vers_ftp(self) -> None:
        self.send_response(302)
        self.send_header("Location", f"ftp://moi:secret@127.0.0.1:{self.server.server_port}/x")
        self.end_headers()

    def sans_fin(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/sans-fin")
        self.end_headers()


@contextmanager
def serve() -> Iterator[Server]:
    """Sert dans un fil d'exécution, le temps du bloc."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.wake.set()
        server.shutdown()
