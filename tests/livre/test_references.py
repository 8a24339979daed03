"""Les citations d'un notebook : celles du site, en Markdown."""

import pytest

from livre.references import References


@pytest.fixture
def references(application) -> References:
    return References(application.env.domains["cite"].citations)


@pytest.mark.parametrize(
    ("role", "keys", "shown"),
    [
        ("cite:p", "He16", "(He *et al.*, 2016)"),
        ("cite:p", "He16, Tan19", "(He *et al.*, 2016 ; Tan et Le, 2019)"),
        ("cite:t", "Tan19", "Tan et Le (2019)"),
        ("cite:t", "Lin13", "Lin (2013)"),
        ("cite:t", "Tan19, Lin13", "Tan et Le (2019) ; Lin (2013)"),
    ],
)
def test_citations(references, role, keys, shown):
    assert references.cite(role, keys) == shown


def test_listing_is_that_of_the_site(references, pages):
    listing = references.listing().splitlines()
    shown = pages["a/bib"].select("div.citation")
    links = [str(entry.select_one("a.external")["href"]) for entry in shown]
    assert [line.rpartition("](")[2].removesuffix(")") for line in listing] == links
    assert [line[:8] for line in listing] == ["- Kaimin", "- Min Li", "- Mingxi"]
    assert "et Shaoqing Ren" in listing[0]
    assert "*Actes*" in listing[0]


def test_what_is_unknown_is_refused(references):
    with pytest.raises(ValueError, match="Personne99"):
        references.cite("cite:p", "Personne99")
    with pytest.raises(ValueError, match="cite:author"):
        references.cite("cite:author", "He16")
    with pytest.raises(ValueError, match="bibliographie vide"):
        References([]).listing()
