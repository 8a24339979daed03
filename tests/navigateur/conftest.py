"""Un vrai navigateur, sans écran, devant le site servi sur cette machine."""

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Route, sync_playwright

from site_files import require_site

# Rien de ce que Chromium fait de lui-même ne doit sortir sur le réseau.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "navigateur: ouvre le site dans Chromium (deux minutes)")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Sert les fichiers sans écrire une ligne par requête."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """L'adresse du site, servi par un fil d'exécution le temps des tests."""
    handler = functools.partial(QuietHandler, directory=str(require_site()))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path or not Path(path).exists():
        pytest.fail(
            "Chromium est introuvable. Installez-le, ou donnez son chemin dans CHROMIUM.",
            pytrace=False,
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def outside(browser: Browser) -> list[str]:
    """Les requêtes vers un autre site, de tous les tests ; elles sont refusées et notées."""
    return []


@pytest.fixture(scope="session")
def context(browser: Browser, address: str, outside: list[str]) -> Iterator[BrowserContext]:
    """Une fenêtre partagée : le cache du navigateur sert d'une page à l'autre."""

    def refuse(route: Route) -> None:
        outside.append(route.request.url)
        route.abort()

    context = browser.new_context(reduced_motion="reduce")
    context.route(lambda url: not url.startswith((address, "data:", "blob:")), refuse)
    yield context
    context.close()
