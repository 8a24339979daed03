"""Où est le site construit, et comment lire ses pages ; sert aussi aux tests du navigateur."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("LIVRE_SITE", ROOT / "_build" / "html"))
TOC = Path(os.environ.get("LIVRE_SOMMAIRE", ROOT / "_toc.yml"))
WORDS = ROOT / "tests" / "site" / "habillage.txt"


def require_site() -> Path:
    """Rend le dossier du site, ou fait échouer le test : sans site, rien n'est vérifié."""
    if not (SITE / "index.html").is_file():
        pytest.fail(f"Le site n'est pas construit ({SITE}). Lancez « make livre ».", pytrace=False)
    return SITE


def toc_pages() -> list[str]:
    """Les pages du sommaire, dans l'ordre, sans extension."""

    def walk(entry: Any) -> Iterator[str]:
        if isinstance(entry, dict):
            for key, value in entry.items():
                if key in {"root", "file"}:
                    yield value.removesuffix(".md")
                elif isinstance(value, list):
                    yield from walk(value)
        elif isinstance(entry, list):
            for item in entry:
                yield from walk(item)

    return list(walk(yaml.safe_load(TOC.read_text(encoding="utf-8"))))


@cache
def parsed(file: Path) -> BeautifulSoup:
    return BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")


def html_pages() -> dict[str, BeautifulSoup]:
    """Toutes les pages écrites, sauf la redirection de l'accueil."""
    site = require_site()
    files = sorted(site.rglob("*.html"))
    return {
        str(file.relative_to(site)): parsed(file)
        for file in files
        if "_static" not in file.parts and file != site / "index.html"
    }


def article(soup: BeautifulSoup) -> Tag:
    found = soup.find("article")
    return found if isinstance(found, Tag) else soup


@cache
def french() -> tuple[set[str], set[str]]:
    """Les textes de l'habillage : ceux de toujours, noms des parties compris ; les autres."""
    always, sometimes = (
        {line for line in part.splitlines() if line and not line.startswith("#")}
        for part in WORDS.read_text(encoding="utf-8").split("\n---\n")
    )
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    parts = yaml.safe_load(TOC.read_text(encoding="utf-8"))["parts"]
    return always | {config["title"], *(part["caption"] for part in parts)}, sometimes


def headings(soup: BeautifulSoup) -> set[str]:
    """Les titres de la page et de ses sections, que l'habillage répète."""
    found = set()
    for heading in soup.select("article :is(h1, h2, h3)"):
        found.add(" ".join(heading.get_text().removesuffix("#").split()))
    return found
