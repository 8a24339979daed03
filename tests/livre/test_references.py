"""Les citations d'un notebook : celles du site, en Markdown."""

from types import SimpleNamespace

import pytest
from pybtex.database import Entry, Person

from livre.references import References

HE, TAN, LIN = "https://doi.org/10.1/x", "https://example.org/a", "https://arxiv.org/abs/1312.4400"


@pytest.fixture
def references(application) -> References:
    return References(application.env.domains["cite"].citations)


@pytest.mark.parametrize(
    ("role", "keys", "shown"),
    [
        ("cite:p", "He16", f"([He *et al.*, 2016]({HE}))"),
        ("cite:p", "He16, Tan19", f"([He *et al.*, 2016]({HE}) ; [Tan et Le, 2019]({TAN}))"),
        ("cite:t", "Tan19", f"[Tan et Le (2019)]({TAN})"),
        ("cite:t", "Lin13", f"[Lin (2013)]({LIN})"),
        ("cite:t", "Tan19, Lin13", f"[Tan et Le (2019)]({TAN}) ; [Lin (2013)]({LIN})"),
    ],
)
def test_citations(references, role, keys, shown):
    assert references.cite(role, keys) == shown


def test_a_parenthesis_does_not_close_the_link():
    entry = Entry("misc", {"doi": "10.1/(x)", "year": "2000"}, {"author": [Person("Lin, Min")]})
    references = References([SimpleNamespace(key="A", entry=entry)])
    assert references.cite("cite:p", "A") == "([Lin, 2000](https://doi.org/10.1/%28x%29))"
    del entry.fields["doi"]
    assert references.cite("cite:p", "A") == "(Lin, 2000)"


def test_a_page_lists_what_it_cites(references):
    references.cite("cite:p", "Tan19,He16")
    shown = references.listing_of_cited().splitlines()
    assert [line[:8] for line in shown] == ["- Kaimin", "- Mingxi"]


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
