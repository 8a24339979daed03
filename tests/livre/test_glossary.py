"""Chaque mot du glossaire est lié une fois par page, à sa définition."""

import pytest

from livre.glossary import COMMON, pattern


def test_the_first_use_is_linked(pages) -> None:
    links = pages["a/un"].select("a.terme")
    assert [link.get_text() for link in links] == ["Un", "mots\u00a0rares", "deux"]
    assert links[1]["href"] == "bib.html#term-mot-rare"
    assert links[1]["title"] == "rare word. Un mot qui se définit."
    assert links[1].find_parent("strong")


def test_the_glossary_does_not_link_to_itself(pages) -> None:
    assert not pages["a/bib"].select("a.terme")


def test_code_titles_and_links_are_left_alone(pages) -> None:
    for page in pages.values():
        for where in ("h1", "h2", "pre", "code", "a", "figcaption", ".cell", ".admonition-title"):
            assert not page.select(f"{where} a.terme"), where


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Un champ réceptif.", "champ réceptif"),
        ("Les champs\u00a0réceptifs", "champs\u00a0réceptifs"),
        ("le champ\nréceptif", "champ\nréceptif"),
        ("Champ réceptif", "Champ réceptif"),
        ("sous-champ réceptif", None),
        ("un champ réceptifs-truc", None),
        ("un champ", None),
    ],
)
def test_a_term_is_recognized_in_its_forms(text: str, found: str | None) -> None:
    match = pattern(["champ réceptif"]).search(text)
    assert (match[0] if match else None) == found


def test_both_apostrophes_are_read() -> None:
    for text in ("un pas d'apprentissage", "des pas d’apprentissage"):
        assert pattern(["pas d'apprentissage"]).search(text)


def test_the_longest_term_wins() -> None:
    match = pattern(["réseau résiduel", "réseau"]).search("un réseau résiduel")
    assert match is not None
    assert match.lastindex == 1


def test_common_words_are_not_linked() -> None:
    assert {"pas", "poids"} <= COMMON
