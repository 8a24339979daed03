"""Les citations d'un notebook : celles du site, en Markdown."""

from pathlib import Path

import pytest

from livre.references import References


@pytest.fixture
def references(sources: Path) -> References:
    return References(sources / "references.bib")


@pytest.mark.parametrize(
    ("role", "keys", "shown"),
    [
        ("cite:p", "He16", "(He *et al.*, 2016)"),
        ("cite:p", "He16, Tan19", "(He *et al.*, 2016 ; Tan et Le, 2019)"),
        ("cite:t", "Tan19", "Tan et Le (2019)"),
        ("cite:t", "Lin13", "Lin (2013)"),
    ],
)
def test_citations(references, role, keys, shown):
    assert references.cite(role, keys) == shown


def test_listing_is_in_the_order_of_authors(references):
    listing = references.listing({"Tan19", "He16"}).splitlines()
    assert [line[:8] for line in listing] == ["- Kaimin", "- Mingxi"]
    assert "et Shaoqing Ren" in listing[0]
    assert "*Actes*" in listing[0]
    assert "(https://doi.org/10.1/x)" in listing[0]


def test_what_is_unknown_is_refused(references, tmp_path):
    with pytest.raises(ValueError, match="Personne99"):
        references.cite("cite:p", "Personne99")
    with pytest.raises(ValueError, match="cite:author"):
        references.cite("cite:author", "He16")
    empty = References(tmp_path / "absent.bib")
    assert empty.listing([]) == ""
    with pytest.raises(ValueError, match="He16"):
        empty.cite("cite:p", "He16")
