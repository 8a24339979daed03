"""Ce que pèse une page sur un téléphone : à l'ouverture, puis lue jusqu'en bas."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from hosting import hosted
from site_files import require_site, toc_pages

pytestmark = pytest.mark.navigateur

OPENED, READ, REQUESTS = 155_000, 450_000, 25  # octets, octets, nombre
PHONE = {"width": 412, "height": 823}
SCROLL = """async () => {
  for (let y = 0; y < document.body.scrollHeight; y += 600) {
    scrollTo(0, y);
    await new Promise((done) => setTimeout(done, 20));
  }
}"""


@pytest.fixture(scope="module")
def scales() -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """L'adresse d'un serveur qui pèse, et ce qu'il a envoyé."""
    with hosted(require_site()) as found:
        yield found


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
