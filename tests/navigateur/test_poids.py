"""Ce que pèse une page sur un téléphone : à l'ouverture, puis lue jusqu'en bas."""

import functools
import gzip
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from site_files import require_site, toc_pages

pytestmark = pytest.mark.navigateur

OPENED, READ, REQUESTS = 155_000, 450_000, 25  # octets, octets, nombre
COMPRESSED = {".html", ".css", ".js", ".svg"}
PHONE = {"width": 412, "height": 823}
SCROLL = """async () => {
  for (let y = 0; y < document.body.scrollHeight; y += 600) {
    scrollTo(0, y);
    await new Promise((done) => setTimeout(done, 20));
  }
}"""


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


@pytest.fixture(scope="module")
def scales() -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """L'adresse d'un serveur qui pèse, et ce qu'il a envoyé."""
    sent: list[tuple[str, int]] = []
    kind = type("Handler", (WeighingHandler,), {"sent": sent})
    handler = functools.partial(kind, directory=str(require_site()))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", sent
        server.shutdown()


@pytest.mark.parametrize("name", toc_pages())
def test_a_page_is_light(browser: Browser, scales: tuple[str, list], name: str) -> None:
    address, sent = scales
    sent.clear()
    context = browser.new_context(viewport=PHONE)  # sans cache : la première visite
    page = context.new_page()
    page.goto(f"{address}/{name}.html", wait_until="networkidle")
    opened = list(sent)
    page.evaluate(SCROLL)
    page.wait_for_load_state("networkidle")
    context.close()
    assert not [path for path, _ in sent if path.startswith("absent")]
    assert sum(size for _, size in opened) <= OPENED, sorted(opened, key=lambda x: -x[1])[:4]
    assert sum(size for _, size in sent) <= READ, sorted(sent, key=lambda x: -x[1])[:4]
    assert len(sent) <= REQUESTS
