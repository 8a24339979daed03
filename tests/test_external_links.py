"""La vérification des liens voit un lien mort, et n'en invente pas."""

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from external_links import broken, of_page, of_text


class Answers(BaseHTTPRequestHandler):
    """Répond le code que nomme le chemin ; « /reprise » échoue une fois, puis réussit."""

    asked: ClassVar[Counter[str]] = Counter()

    def do_GET(self):
        Answers.asked[self.path] += 1
        name = self.path.strip("/")
        code = int(name) if name.isdigit() else 503 if Answers.asked[self.path] == 1 else 200
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    Answers.asked.clear()
    http = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()


def test_dead_links_are_told_with_their_reason(server):
    paths = ("200", "403", "404", "410", "429", "500", "reprise")
    found = broken([f"{server}/{path}" for path in paths], pause=0)
    assert found == {
        f"{server}/404": "réponse 404",
        f"{server}/410": "réponse 410",
        f"{server}/500": "réponse 500",
    }
    # Un serveur en panne a trois chances ; une page absente, une seule.
    assert [Answers.asked[f"/{path}"] for path in ("404", "500", "reprise")] == [1, 3, 2]


def test_a_server_that_is_gone_is_told():
    (why,) = broken(["http://127.0.0.1:9/x"], pause=0).values()
    assert why


def test_where_the_links_are():
    page = '<a href="https://example.org/a#b">a</a><a href="c.html">c</a><a href="mailto:d">d</a>'
    assert of_page(page) == {"https://example.org/a"}
    text = "[a](https://example.org/a#b), <https://example.org/c> ; `--url https://example.org/d`."
    assert of_text(text) == {f"https://example.org/{name}" for name in "acd"}
