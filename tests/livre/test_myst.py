"""La lecture du MyST : les mêmes extensions que le site, la place de chaque rôle."""

from pathlib import Path

import pytest
import yaml

from livre.myst import EXTENSIONS, Directive, MystError, blocks, directive, spans

CONFIG = Path(__file__).resolve().parents[2] / "_config.yml"


def test_the_site_reads_the_same_language():
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    assert sorted(EXTENSIONS) == sorted(config["parse"]["myst_enable_extensions"])


def found(text: str) -> list[tuple[str, str]]:
    return [(span.token.type, text[span.start : span.end]) for span in spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Voir {doc}`x`.", [("myst_role", "{doc}`x`")]),
        ("- *{doc}`un\n  deux`*", [("myst_role", "{doc}`un\n  deux`")]),
        ("| {eq}`a` | [t](u.md) |", [("myst_role", "{eq}`a`"), ("link_open", "[t](u.md)")]),
        ("[{doc}`x`](u.md)", [("myst_role", "{doc}`x`"), ("link_open", "[{doc}`x`](u.md)")]),
        ("a ![{doc}`x`](i.png) b", [("image", "![{doc}`x`](i.png)")]),
        ("a <b>c</b>", [("html_inline", "<b>"), ("html_inline", "</b>")]),
        ("`` {doc}`x` `` et $[n](m)$ et \\{doc}`x`", []),
    ],
)
def test_spans(text, expected):
    assert found(text) == expected


def read(text: str) -> list[Directive]:
    return [block for token in blocks(text) if (block := directive(token))]


def test_directives():
    text = ":::{table} Un *titre*\n:name: tab\n:class: a b\n\n| a |\n|---|\n\n:fin: x\n:::"
    expected = Directive(
        "table", "Un *titre*", {"name": "tab", "class": "a b"}, "| a |\n|---|\n\n:fin: x"
    )
    assert read(text) == [expected]


def test_inner_directives_stay_in_the_outer_one():
    assert read("::::{note}\n:::{tip}\nA\n:::\n::::") == [
        Directive("note", "", {}, ":::{tip}\nA\n:::")
    ]


def test_code_is_not_a_directive():
    assert read("```python\n{note}\n```\n\n    :::{note}\n") == []


@pytest.mark.parametrize(
    "text", [":::{note}\ntexte", "```python", "::::{note}\n:::", "- a\n\n  ```\n  b"]
)
def test_an_open_block_is_refused(text):
    with pytest.raises(MystError, match="non refermé"):
        blocks(text)


@pytest.mark.parametrize(
    "text", ["> :::{note}\n> a\n> :::", "- a\n\n  ```\n  b\n  ```", "~~~\na\n~~~~"]
)
def test_a_closed_block_is_accepted(text):
    assert blocks(text)


def test_an_address_apart_from_its_link_is_refused():
    with pytest.raises(MystError, match=r"(?i)ici"):
        blocks("[un chat][ici]\n\n[ici]: i.png\n")
