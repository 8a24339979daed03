"""Ni apostrophe droite, ni espace ordinaire mal placée : sur le site et dans les notebooks."""

import copy
import re
from collections.abc import Iterator

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag

from site_files import SITE, html_pages, require_site, toc_pages

# « 'abc' » après b, r, f ou u est du Python.
WRONG = re.compile(
    r"(?<=[^\W\d_])(?<!\b[bfruBFRU])'(?=[^\W\d_«])"  # entre deux lettres
    r"|(?<=[^\s|]) (?=[:;?!%»](?:[\s)»\].,*_|]|$))|« "
)
READ = ("alt", "aria-label", "content", "data-bs-title", "data-tooltip", "placeholder", "title")
BLOCKS = (
    "a, button, caption, dd, dt, figcaption, h1, h2, h3, li, p, pre, summary, td, text, th, title"
)
NOT_READ = "kbd, samp, script, style, textarea, .headerlink"
# Dans un notebook : le code, les formules, les adresses, les balises.
NOT_PROSE = re.compile(
    r"^```.*?^```|^\$\$.*?^\$\$|``.+?``|`[^`\n]+`|\$[^$\n]+\$|\]\([^)\n]*\)|<[^>\n]*>",
    re.MULTILINE | re.DOTALL,
)


def wrong(text: str) -> list[str]:
    """Ce qui est mal écrit, avec ce qui l'entoure."""
    return [text[max(0, m.start() - 25) : m.end() + 15] for m in WRONG.finditer(text)]


def texts(page: BeautifulSoup) -> Iterator[str]:
    """Ce qu'on lit d'une page, un bloc à la fois ; du code, il ne reste qu'une lettre."""
    soup = copy.copy(page)
    for tag in soup.select(NOT_READ):
        tag.decompose()
    for tag in soup.select("pre"):
        if not in_output(tag):
            tag.string = "x"
    for tag in soup.select("code, math"):
        tag.string = "x"
    for tag in soup.select(BLOCKS):
        yield tag.get_text()
    for tag in soup.find_all(True):
        if tag.name != "meta" or tag.get("name") == "description":
            yield from (str(tag[name]) for name in READ if tag.has_attr(name))


def in_output(tag: Tag) -> bool:
    return tag.find_parent(class_="cell_output") is not None


def test_the_rule_sees_a_mistake() -> None:
    page = """<title>l'a</title><p>l'<code>a</code></p><p><em>a</em> : b</p><td>5 %</td>
    <svg><text>a ; b</text></svg><img alt="« a"><pre>l'a</pre><code>l'a : b</code>
    <div class="cell_output"><pre>a ?</pre></div>"""
    found = [bad for text in texts(BeautifulSoup(page, "html.parser")) for bad in wrong(text)]
    assert found == ["l'a", "l'x", "a : b", "5 %", "a ; b", "a ?", "« a"]
    assert wrong("l’a\u00a0: b, «\u00a05\u00a0%\u00a0», b'a' ['a', 'b'] 12:30 a :b") == []


def test_pages() -> None:
    problems = [
        f"{name} : {bad!r}"
        for name, page in html_pages().items()
        for text in texts(page)
        for bad in wrong(text)
    ]
    assert not problems, "\n".join(["", *problems])


@pytest.mark.parametrize("name", toc_pages())
def test_notebooks(name: str) -> None:
    require_site()
    notebook = nbformat.read(SITE / "notebooks" / f"{name}.ipynb", as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert [bad for cell in cells for bad in wrong(NOT_PROSE.sub("x", cell))] == []
