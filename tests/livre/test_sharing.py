"""La carte d'une page et le plan du site."""

from pathlib import Path
from xml.etree import ElementTree

from livre import sharing

SPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def card(page) -> dict[str, str]:
    return {tag["property"]: tag["content"] for tag in page.select("meta[property^='og:']")}


def test_a_card_says_what_the_page_is(pages):
    found = card(pages["a/un"])
    assert found["og:title"] == "Page un"
    assert found["og:description"].startswith("Un mot rare")
    assert (found["og:type"], found["og:locale"]) == ("article", "fr_FR")
    assert card(pages["accueil"])["og:type"] == "website"
    assert card(pages["a/deux"])["og:title"] == "Page deux"  # sans balise
    assert card(pages["a/trois"])["og:title"].startswith("Page d’un mot\u00a0: trois")


def test_addresses_are_whole_or_absent(pages, published):
    assert not {"og:url", "og:image"} & set(card(pages["a/un"]))
    found = card(published["a/un"])
    assert found["og:url"] == "https://a.github.io/b/a/un.html"
    assert found["og:image"].startswith("https://a.github.io/b/_images/")


def test_the_plan_names_every_page_when_the_address_is_known(application, published):
    root = Path(application.outdir).parent
    assert not (root / "html" / sharing.PLAN).exists()
    plan = ElementTree.parse(root / "publie" / sharing.PLAN).getroot()
    found = {place.text for place in plan.iter(f"{SPACE}loc")}
    assert found == {f"https://a.github.io/b/{page}.html" for page in published}
