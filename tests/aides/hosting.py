"""Servir le site comme un hébergeur : compressé, en notant le poids de chaque réponse."""

import functools
import gzip
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMPRESSED = {".html", ".css", ".js", ".svg"}


class WeighingHandler(http.server.SimpleHTTPRequestHandler):
    """Sert le site compressé, comme un hébergeur, et note le poids de chaque réponse."""

    sent: list[tuple[str, int]]

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:  # nom voulu par http.server
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.sent.append((f"absent : {self.path}", 0))
            self.send_error(404)
            return
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        if path.suffix in COMPRESSED:
            content = gzip.compress(content, 6)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.sent.append((self.path, len(content)))


@contextmanager
def hosted(folder: Path) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Sert un dossier le temps du bloc ; rend son adresse, et ce qu'il envoie à mesure."""
    sent: list[tuple[str, int]] = []
    kind = type("Handler", (WeighingHandler,), {"sent": sent})
    handler = functools.partial(kind, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", sent
        server.shutdown()
