"""Ce que charge une page : tout ce qu'elle emploie, et peu d'autre chose."""

import gzip
import re
from pathlib import Path

import pytest

from livre import assets


@pytest.fixture(scope="module")
def static(application):
    return Path(application.outdir) / "_static"


def test_a_page_without_formula_does_not_load_the_font(pages):
    for name, page in pages.items():
        preloaded = page.select("link[rel=preload][as=font]")
        assert len(preloaded) == bool(page.select("math")), name


def test_every_class_with_a_style_keeps_it(pages, static):
    """L'oracle : les feuilles d'origine, lues par une expression plus grossière que la nôtre."""
    style = (static / "site.css").read_text(encoding="utf-8")
    whole = "".join(
        path.read_text(encoding="utf-8")
        for path in [*static.glob("*.css"), *static.glob("styles/*.css")]
        if path.name != "site.css"
    )
    used = {
        name for page in pages.values() for tag in page.select("[class]") for name in tag["class"]
    }
    alone = {name for name in used if re.search(rf"(?m)(?:^|[}},])\.{re.escape(name)}\{{", whole)}
    assert len(alone) > 20
    assert not {name for name in alone if not re.search(rf"\.{re.escape(name)}[{{,]", style)}


def test_a_rule_of_an_identifier_and_the_licences_stay(pages, static):
    style = (static / "site.css").read_text(encoding="utf-8")
    assert pages["accueil"].select("#pst-back-to-top")
    assert "#pst-back-to-top" in style
    assert {"Bootstrap", "Font Awesome"} <= {
        name
        for notice in re.findall(r"/\*!.*?\*/", style, re.S)
        for name in ("Bootstrap", "Font Awesome")
        if name in notice
    }


def test_what_nothing_loads_is_gone_and_what_is_left_is_light(static):
    assert not list(static.rglob("*.map"))
    assert list((static / "vendor").rglob("*.*")) == [static / assets.ICON_FONT]
    assert not (static / "scripts" / "fontawesome.js").exists()
    sizes = {
        name: len(gzip.compress((static / name).read_bytes())) for name in ("site.css", "site.js")
    }
    assert sizes["site.css"] < 30_000
    assert sizes["site.js"] < 55_000


def test_an_imported_sheet_comes_first_and_is_not_asked_for(tmp_path, static):
    (tmp_path / "styles").mkdir()
    (tmp_path / "styles" / "un.css").write_text('@import "../base.css";\n.un{top:0}')
    (tmp_path / "base.css").write_text(".base{top:0}")
    assert assets.with_imports(tmp_path, "styles/un.css") == [
        ("base.css", ".base{top:0}"),
        ("styles/un.css", "\n.un{top:0}"),
    ]
    assert "@import" not in (static / "site.css").read_text(encoding="utf-8")


def test_addresses_of_the_style_lead_somewhere(static):
    style = (static / "site.css").read_text(encoding="utf-8")
    addresses = re.findall(r'url\("?([^")]+)"?\)', style)
    assert {assets.MATH_FONT, assets.ICON_FONT} <= set(addresses)
    for address in addresses:
        assert address.startswith("data:") or (static / address).is_file(), address
