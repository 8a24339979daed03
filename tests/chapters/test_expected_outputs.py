"""Les notebooks de référence correspondent aux chapitres, et les chapitres suivent les règles."""

import re

import pytest
from sphinx_external_toc.parsing import parse_toc_yaml

from livre.expected_outputs import IGNORED, ROOT, chapters, reference_path, to_notebook
from reference_notebooks import read_reference

ADVICE = "Lancez « make references » après avoir vérifié le changement."


def test_every_reference_has_its_chapter():
    expected = {reference_path(chapter) for chapter in chapters()}
    folder = next(iter(expected)).parents[1]
    missing, orphans = expected - (found := set(folder.rglob("*.ipynb"))), found - expected
    assert not missing, f"Pages sans référence : {[path.stem for path in missing]}. {ADVICE}"
    assert not orphans, f"Références sans page : {[path.stem for path in orphans]}. Effacez-les."


def test_every_chapter_is_in_the_table_of_contents():
    listed = set(parse_toc_yaml(ROOT / "_toc.yml"))
    pages = {str(path.relative_to(ROOT).with_suffix("")) for path in chapters()}
    missing = sorted(pages - listed)
    assert not missing, f"Pages absentes du sommaire : {missing}. Ajoutez-les à _toc.yml."
    assert listed <= pages, f"Le sommaire nomme des pages absentes : {sorted(listed - pages)}."


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_reference_has_the_chapter_sources(chapter):
    source = to_notebook(chapter)
    reference = read_reference(chapter)
    assert [c.source for c in source.cells] == [c.source for c in reference.cells], ADVICE
    tags = [[c.metadata.get("tags", []) for c in n.cells] for n in (source, reference)]
    assert tags[0] == tags[1], ADVICE


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_cells_follow_the_rules(chapter):
    for cell in to_notebook(chapter).cells:
        if cell.cell_type != "code":
            continue
        lines = cell.source.splitlines()
        assert len(lines) <= 20, f"cellule de {len(lines)} lignes : {lines[0]}"
        assert "glue" not in cell.source
        assert not cell.source.lstrip().startswith(("!", "%"))


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_every_page_compares_something(chapter):
    """Une page dont toutes les sorties sont ignorées ne pourrait pas échouer."""
    reference = read_reference(chapter)
    code = [cell for cell in reference.cells if cell.cell_type == "code"]
    assert any(c.outputs for c in code if IGNORED not in c.metadata.get("tags", []))
    assert not [o for c in code for o in c.outputs if o.output_type == "error"]
    warnings = [o.text for c in code for o in c.outputs if o.get("name") == "stderr"]
    assert not warnings, f"{chapter.name} affiche un avertissement, à corriger : {warnings}"


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_ignored_outputs_are_asserted(chapter):
    """Ce qui n'est pas comparé est tenu par une assertion, dans la page."""
    cells = [c for c in to_notebook(chapter).cells if c.cell_type == "code"]
    if any(IGNORED in c.metadata.get("tags", []) for c in cells):
        assert any("assert " in c.source for c in cells)


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_no_cell_prints_a_whole_network(chapter):
    # « net.to(…) » en fin de cellule rend le réseau, que la page montrerait sur plusieurs écrans.
    for cell in read_reference(chapter).cells:
        for output in cell.get("outputs", []):
            text = output.get("data", {}).get("text/plain", "")
            assert not re.match(r"\w+\(\n  \(", text), f"« _ = » manque dans : {cell.source}"
