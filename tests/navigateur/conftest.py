"""Un vrai navigateur, sans écran, devant le site servi sur cette machine."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Route, sync_playwright

from livre.pdf import OPTIONS, find_chromium, serving
from site_files import require_site


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "navigateur: ouvre le site dans Chromium (deux minutes)")


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """L'adresse du site, servi par un fil d'exécution le temps des tests."""
    with serving(require_site()) as served:
        yield served


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    try:
        path = find_chromium()
    except SystemExit as missing:
        pytest.fail(str(missing), pytrace=False)
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
