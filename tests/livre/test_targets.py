"""Les cibles des renvois, numérotées comme Sphinx les numérote."""

import pytest

from livre.myst import MystError
from livre.targets import Targets


def markdown(text: str) -> dict:
    return {"cell_type": "markdown", "source": text}


def figure(name: str) -> dict:
    return {"cell_type": "code", "metadata": {"mystnb": {"figure": {"name": name}}}}


@pytest.fixture
def targets() -> Targets:
    targets = Targets()
    targets.add_page(
        "a",
        [
            markdown("# Page *a*\n\n(sec)=\n\n## Une section\n\n$$\nx\n$$ (eq-a)\n\n$$\nz\n$$\n"),
            figure("fig-a"),
            markdown(
                "::::{note}\n$$\ny\n$$ (eq-b)\n\n:::{table} T\n:name: tab-a\n\n|a|\n:::\n::::"
            ),
        ],
    )
    targets.add_page(
        "b",
        [
            markdown(
                "(titre)=\n# Page b\n\n(seul)=\n\nUn paragraphe, {cite:p}`He16, Tan19`.\n\n## Fin"
            ),
            {"cell_type": "code", "metadata": {}},
            figure("fig-b"),
            markdown("$$\nx\n$$ (eq-c)\n\n(fin)=\n:::{admonition} Encadré\nTexte.\n:::"),
        ],
    )
    return targets


def test_titles_and_sections(targets):
    assert targets.titles == {"a": "Page *a*", "b": "Page b"}
    assert targets.sections == {"sec": "Une section", "titre": "Page b", "fin": "Encadré"}


def test_figures_go_on_from_page_to_page_and_equations_start_again(targets):
    assert targets.figures == {"fig-a": 1, "fig-b": 2}
    assert targets.tables == {"tab-a": 1}
    assert targets.equations == {"eq-a": 1, "eq-b": 2, "eq-c": 1}


def test_every_target_has_its_page(targets):
    found = {*targets.figures, *targets.tables, *targets.equations, *targets.sections}
    assert set(targets.homes) == found
    assert targets.homes["tab-a"] == "a"
    assert targets.homes["eq-c"] == "b"


def test_citations_are_gathered(targets):
    assert targets.cited == {"He16", "Tan19"}


def test_code_is_not_read():
    targets = Targets()
    targets.add_page(
        "a", [markdown("````md\n# Faux\n\n(faux)=\n## F\n\n$$\nx\n$$ (eq)\n````\n\n# Vrai")]
    )
    assert (targets.titles, targets.sections, targets.equations) == ({"a": "Vrai"}, {}, {})


def test_an_open_block_is_refused():
    with pytest.raises(MystError, match="note"):
        Targets().add_page("a", [markdown(":::{note}\ntexte")])
