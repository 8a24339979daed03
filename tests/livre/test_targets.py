"""Les cibles des renvois : celles de Sphinx, que le site montre."""

import pytest

from livre.myst import MystError
from livre.targets import Targets


@pytest.fixture
def targets(application) -> Targets:
    return Targets(application.env)


def test_titles_and_sections(targets):
    assert (targets.title("a/un"), targets.title("a/deux")) == ("Page un", "Page deux")
    assert targets.section("sec") == ("a/un", "Une section")


def test_numbers_are_those_of_the_site(targets, pages):
    shown = [
        tag.get_text(strip=True)
        for page in pages.values()
        for tag in page.select(".caption-number")
    ]
    labels = ("fig-un", "fig-deux", "tab-un")
    assert sorted(targets.numbered(label)[1] for label in labels) == sorted(shown)
    assert targets.numbered("fig-deux") == ("a/deux", "Figure 2")
    assert targets.numbered("tab-un") == ("a/un", "Tableau 1")


def test_equations_start_again_on_each_page(targets):
    found = {label: targets.equation(label) for label in ("eq-y", "eq-x", "eq-z")}
    assert found == {"eq-y": ("a/un", 1), "eq-x": ("a/deux", 1), "eq-z": ("a/deux", 2)}


@pytest.mark.parametrize("kind", ["title", "numbered", "equation", "section"])
def test_what_is_unknown_is_refused_by_name(targets, kind):
    with pytest.raises(MystError, match="absente"):
        getattr(targets, kind)("absente")


def test_a_section_is_not_a_figure(targets):
    with pytest.raises(MystError, match="sec"):
        targets.numbered("sec")
