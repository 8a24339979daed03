"""La typographie française : ce qui change dans la prose, et le code qui ne change pas."""

import gzip
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from livre.typography import french, french_html, french_markdown

# Ce que l'on tape, ce que l'on lit ; « ~ » est ici l'espace insécable.
PROSE = {
    "l'image": "l’image",
    "aujourd'hui, qu'il n'a": "aujourd’hui, qu’il n’a",
    "L'IA, d'ImageNet, jusqu'à l'été": "L’IA, d’ImageNet, jusqu’à l’été",
    "d'« abord », l'1,2 million": "d’«~abord~», l’1,2 million",
    "un mot : deux ; trois ? quatre !": "un mot~: deux~; trois~? quatre~!",
    "5 % (ou 6 %), en % :": "5~% (ou 6~%), en~%~:",
    "**Pourquoi ?** *si :*": "**Pourquoi~?** *si~:*",
    "perte  : 3": "perte  : 3",  # une colonne alignée le reste
    "l'*image*, qu'[elle](a)": "l’*image*, qu’[elle](a)",
    "un mot~: deux, « a »": "un mot~: deux, «~a~»",
}
# Ce qui n'est pas de la prose, même sans balise de code.
UNCHANGED = [
    *("b'abc', r'abc', f'abc', u'abc', F'abc'", "['chat', 'chien']", "f'(x) = x'"),
    *("a :name: b", "| --- | :---: | ---: |", "x != y", "le %d et !ls", "12:30, http://a.b"),
]


def visible(text: str) -> str:
    return text.replace("\u00a0", "~")


def spaced(text: str) -> str:
    return text.replace("~", "\u00a0")


@pytest.mark.parametrize("typed", PROSE)
def test_prose(typed: str) -> None:
    assert visible(french(spaced(typed))) == PROSE[typed]


@pytest.mark.parametrize("text", UNCHANGED)
def test_what_looks_like_code_stays(text: str) -> None:
    assert french(text) == text


def test_a_word_may_follow_in_another_piece() -> None:
    assert french("l'") == "l'"
    assert french("l'", followed=True) == "l’"
    assert french("b'", followed=True) == "b'"


PAGES = {
    # Les textes, d'une balise à l'autre.
    "<p>Qu'un l'<em>arbre</em> : l'<code>x</code> ; d'<span><math>a</math></span>.</p>": (
        "<p>Qu’un l’<em>arbre</em>~: l’<code>x</code>~; d’<span><math>a</math></span>.</p>"
    ),
    "<p>dit 'l'</p><p>un</p>": "<p>dit 'l'</p><p>un</p>",
    "<svg><title>L'a</title><text>entrée : b</text></svg>": (
        "<svg><title>L’a</title><text>entrée~: b</text></svg>"
    ),
    "<p>l&#39;un, l&#x27;autre, a &lt; b ?</p>": "<p>l’un, l’autre, a &lt; b~?</p>",
    # Les attributs qu'on lit, et eux seuls.
    '<img alt="L\'un : deux" src="l\'un : deux">': '<img alt="L’un~: deux" src="l\'un : deux">',
    '<a title="l&#39;un" href="#l\'un" id="l\'un" aria-label="d\'un">x</a>': (
        '<a title="l’un" href="#l\'un" id="l\'un" aria-label="d’un">x</a>'
    ),
    '<meta name="description" content="l\'un"><meta name="v" content="l\'un">': (
        '<meta name="description" content="l’un"><meta name="v" content="l\'un">'
    ),
    # Les sorties d'une cellule, non son code.
    '<div class="highlight-ipython3"><pre>l\'un : a</pre></div>'
    "<div class=\"output highlight-myst-ansi\"><div><pre>l'un : a</pre></div></div><pre>l'a</pre>"
    '<div class="highlight-text"><pre>l\'a</pre></div>': (
        '<div class="highlight-ipython3"><pre>l\'un : a</pre></div>'
        '<div class="output highlight-myst-ansi"><div><pre>l’un~: a</pre></div></div><pre>l’a</pre>'
        '<div class="highlight-text"><pre>l\'a</pre></div>'
    ),
}
CODE = "l'un : deux, « a » 5 % ?"
AS_IS = [
    *(f"<{tag}>{CODE}</{tag}>" for tag in ("code", "kbd", "samp", "math", "script", "style")),
    f"<pre>{CODE} <span>{CODE}</span></pre><!-- {CODE} -->",
    f"<code><span>{CODE}</span> {CODE}</code>",
    f'<script>x = "<p title=\\"{CODE}\\">{CODE}</p>"; a < b</script>',
]


@pytest.mark.parametrize("page", PAGES)
def test_a_page(page: str) -> None:
    assert visible(french_html(page)) == PAGES[page]


@pytest.mark.parametrize("page", AS_IS)
def test_code_in_a_page_stays(page: str) -> None:
    assert french_html(page) == page
    assert french_html(f"{page}<p>l'un</p>") == f"{page}<p>l’un</p>"


CELLS = {
    "# L'image : `l'a :`, l'`x`, $d'a :$ ; qu'[l'un : a](http://a'b) ?": (
        "# L’image~: `l'a :`, l’`x`, $d'a :$~; qu’[l’un~: a](http://a'b)~?"
    ),
    "l'un\n\n```python\nl'un : a\n```\n\n    l'un\n\n$$\nx'y : z\n$$": (
        "l’un\n\n```python\nl'un : a\n```\n\n    l'un\n\n$$\nx'y : z\n$$"
    ),
    "<details>\n<summary>Celle de l&#x27;un ?</summary>\n\nl'un\n\n</details>": (
        "<details>\n<summary>Celle de l’un~?</summary>\n\nl’un\n\n</details>"
    ),
    "| l'a : | b |\n|:---|:---:|\n| `l'a` l'un | 5 % |": (
        "| l’a~: | b |\n|:---|:---:|\n| `l'a` l’un | 5~% |"
    ),
    "- l'**un** :\n  > « a »\n1. l'un": "- l’**un**~:\n  > «~a~»\n1. l’un",
    "![l'a : b](data:image/png;base64,a'b) <https://a'b> l'<b>un</b>": (
        "![l’a~: b](data:image/png;base64,a'b) <https://a'b> l’<b>un</b>"
    ),
    "[un `l'a` qu'un](http://l'a) l'[`l'a`](b'c)": ("[un `l'a` qu’un](http://l'a) l’[`l'a`](b'c)"),
}


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell(cell: str) -> None:
    assert visible(french_markdown(cell)) == CELLS[cell]


WORDS = st.lists(
    st.sampled_from(
        ["l'", "un", " : ", " ; ", "« ", " »", "5 %", " ?", "b'a'", "\u00a0", "’", "é", "\n", "x"]
    )
).map("".join)


@given(WORDS)
def test_twice_is_once_and_only_two_signs_change(text: str) -> None:
    found = french(text)
    assert french(found) == found
    changed = {(old, new) for old, new in zip(text, found, strict=True) if old != new}
    assert changed <= {("'", "’"), (" ", "\u00a0")}


@given(WORDS, WORDS, st.sampled_from(["code", "pre", "kbd", "samp", "math", "script", "style"]))
def test_the_code_of_a_page_never_changes(text: str, code: str, tag: str) -> None:
    page = f"<p>{text}<{tag}>{code}</{tag}>{text}</p>"
    found = french_html(page)
    assert f"<{tag}>{code}</{tag}>" in found
    assert french_html(found) == found


@given(WORDS, WORDS.filter(lambda code: code.strip() and "\n" not in code))
def test_the_code_of_a_cell_never_changes(text: str, code: str) -> None:
    cell = f"début {' '.join(text.split())} `{code}` fin\n\n```\n{code}\n```"
    found = french_markdown(cell)
    assert f"`{code}` fin\n\n```\n{code}\n```" in found
    assert french_markdown(found) == found


def test_the_site_and_its_search_are_rewritten(application, pages) -> None:
    folds = [tag.get_text(strip=True) for tag in pages["a/un"].select("details summary")]
    assert "Solution de l’exercice 1" in folds
    searched = [
        gzip.decompress(file.read_bytes()).decode()
        for file in Path(application.outdir, "pagefind", "fragment").iterdir()
    ]
    assert any("Page d’un mot\u00a0: trois" in text for text in searched)
    told = pages["a/trois"]
    assert told.title.get_text().startswith("Page d’un mot\u00a0: trois")
    assert told.select_one("pre").get_text() == "l'un : deux\n"
    menu = BeautifulSoup(Path(application.outdir, "accueil.html").read_text(), "html.parser")
    assert "Page d’un mot\u00a0: trois" in menu.select_one("nav.bd-docs-nav").get_text()
