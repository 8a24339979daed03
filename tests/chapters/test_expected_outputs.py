"""Les notebooks de référence correspondent aux chapitres, et les chapitres suivent les règles."""

import ast
import re

import nbformat
import pytest
from sphinx_external_toc.parsing import parse_toc_yaml

from livre.expected_outputs import IGNORED, ROOT, chapters, reference_path, to_notebook
from page_prose import PAGES
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
    pages = {str(path.relative_to(ROOT).with_suffix("")) for path in PAGES}
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


# La colonne du site.
WIDEST = 78


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_visible_code_is_the_lesson(chapter):
    """Ce qui se voit porte une idée ; ce qui vérifie est replié, étiqueté « verification »."""
    problems = cluttered([c for c in to_notebook(chapter).cells if c.cell_type == "code"])
    assert not problems, "\n".join(problems)


def cluttered(cells) -> list[str]:
    """Les lignes des cellules visibles qui vérifient, ou qui sont trop larges."""
    found = []
    for cell in cells:
        if {"hide-cell", "hide-input"} & set(cell.metadata.get("tags", [])):
            continue
        checks = [n.lineno for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Assert)]
        lines = enumerate(cell.source.splitlines(), 1)
        found += [line for k, line in lines if k in checks or len(line) > WIDEST]
    return found


def test_the_rule_sees_a_check_and_a_wide_line():
    def code(source, *tags):
        return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})

    wide = "x = " + "1" * WIDEST
    assert cluttered([code("y = 1\nassert y"), code(wide)]) == ["assert y", wide]
    assert cluttered([code(f"assert y\n{wide}", "hide-cell"), code("y = 1")]) == []


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
    """Ce qui n'est pas comparé est tenu par une assertion : dans la cellule, ou sur ses valeurs."""
    code = [c for c in to_notebook(chapter).cells if c.cell_type == "code"]
    ignored = [IGNORED in c.metadata.get("tags", []) for c in code]
    loose = unasserted([c.source for c in code], ignored)
    assert not loose, f"{chapter.name} : sorties que rien ne tient :\n" + "\n---\n".join(loose)


def unasserted(sources: list[str], ignored: list[bool]) -> list[str]:
    """Les cellules ignorées sans assertion, dont aucune assertion suivante ne nomme une valeur."""
    trees = [ast.parse(source) for source in sources]
    values: set[str] = set()  # ce que la page a calculé jusqu'ici, imports exclus
    found = []
    for k, tree in enumerate(trees):
        values |= names(tree, ast.Store)
        if not ignored[k] or asserts(tree):
            continue
        here = names(tree, ast.Store) | names(tree, ast.Load) & values
        if not any(here & judged(following) for following in trees[k + 1 :]):
            found.append(sources[k])
    return found


def judged(cell: ast.Module) -> set[str]:
    """Les valeurs qu'une assertion de la cellule juge, et celles dont la cellule les tire."""
    found = {name for check in asserts(cell) for name in names(check, ast.Load)}
    for statement in reversed(cell.body):
        if names(statement, ast.Store) & found:
            found |= names(statement, ast.Load)
    return found


def names(tree: ast.AST, context: type) -> set[str]:
    nodes = ast.walk(tree)
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, context)}


def asserts(tree: ast.AST) -> list[ast.Assert]:
    """Les assertions qui peuvent échouer : elles comparent ou jugent une valeur calculée."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    return [node for node in found if not always_true(node.test)]


def always_true(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return any(map(always_true, test.values))
    if isinstance(test, ast.BoolOp):
        return all(map(always_true, test.values))
    if isinstance(test, ast.Compare):
        return len({ast.dump(side) for side in (test.left, *test.comparators)}) == 1
    return isinstance(test, ast.Tuple) or not names(test, ast.Load)


@pytest.mark.parametrize(
    ("sources", "red"),
    [
        (["x = f()\nprint(x)"], True),
        (["x = f()\nprint(x)", "assert x > 1"], False),
        (["x = f()\nassert x > 1"], False),
        (["x = f()", "y = 2 * x\nassert y > 1"], False),
        (["x = f()", "y = 2\nassert y > 1"], True),
        *(
            (["x = f()", f"assert {test}"], True)
            for test in ("True", "x == x", "(x, 1)", "x or True")
        ),
    ],
)
def test_the_rule_sees_a_loose_cell(sources, red):
    assert bool(unasserted(sources, [True, *[False] * (len(sources) - 1)])) == red


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_no_cell_prints_a_whole_network(chapter):
    # « net.to(…) » en fin de cellule rend le réseau, que la page montrerait sur plusieurs écrans.
    for cell in read_reference(chapter).cells:
        for output in cell.get("outputs", []):
            text = output.get("data", {}).get("text/plain", "")
            assert not re.match(r"\w+\(\n  \(", text), f"« _ = » manque dans : {cell.source}"
