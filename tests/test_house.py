"""La maison : les imports descendent, chaque module a son test, et rien n'est trop long."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
PACKAGES = ("reseaux", "photos", "experiments", "livre")

# De haut en bas : un module n'importe que son étage et ceux d'en dessous.
FLOORS = ("few_data", "reuse", "anatomy", "architectures")
# Ce qui est posé à côté des pièces, lui aussi de haut en bas.
SHARED = (
    ("data", "measures", "settings", "style"),
    ("tables", "published", "atomic"),
    ("formatting", "arguments"),
    ("errors",),
)
# La porte de « python -m reseaux » : le seul module qui monte, et que personne n'importe.
DOOR = "reseaux.__main__"
# La façade range les noms publics ; personne, dans le paquet, n'importe par elle.
FACADE = "reseaux"

LONGEST_FILE, LONGEST_FUNCTION = 300, 60
# Ce qui se lit mieux en un morceau, et pourquoi.
LONGER: dict[str, str] = {
    "reseaux.reuse.training.train": "ses quinze options, documentées une à une",
    "reseaux.reuse.fine_tuning.fine_tune": "ses dix-sept options, documentées une à une",
}


def modules() -> dict[str, Path]:
    """Chaque module de ``src``, par son nom complet."""
    found = {}
    for package in PACKAGES:
        for file in sorted((SRC / package).rglob("*.py")):
            parts = file.relative_to(SRC).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


def imports(text: str, known: frozenset[str] = frozenset(MODULES)) -> Iterator[str]:
    """Les modules du projet qu'un texte importe, où que ce soit : en tête, dans une fonction."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else node.module for name in inside]
        elif isinstance(node, ast.ImportFrom):
            names = ["import relatif"]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in (*PACKAGES, "import relatif"))


def height(module: str) -> tuple[int, int]:
    """L'étage d'un module de ``reseaux``, d'autant plus grand qu'il est haut."""
    parts = module.split(".")
    if len(parts) > 1 and parts[1] in FLOORS:
        return len(FLOORS) - FLOORS.index(parts[1]), 0
    shelf = next((k for k, names in enumerate(SHARED) if parts[1:] and parts[1] in names), None)
    if shelf is None:
        raise LookupError(f"« {module} » n'a pas d'étage : ajoutez-le à FLOORS ou à SHARED")
    return 0, len(SHARED) - shelf


def forbidden(module: str, imported: str) -> bool:
    """Dit si un import monte, ou passe d'un paquet à un autre qui ne le connaît pas."""
    here, there = module.split(".")[0], imported.split(".")[0]
    if module == DOOR:
        return there not in ("reseaux", "photos")
    if imported in (FACADE, DOOR):
        return here not in ("photos", "experiments")
    if here != there:
        return not (there == "reseaux" and here in ("photos", "experiments"))
    if here != "reseaux" or module == FACADE:
        return False
    return height(imported) > height(module)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module: str) -> None:
    found = [name for name in imports(MODULES[module].read_text()) if forbidden(module, name)]
    assert not found, f"{module} monte ou traverse : {', '.join(found)}"


def test_no_circle() -> None:
    graph = {name: set(imports(file.read_text())) - {name} for name, file in MODULES.items()}
    graph.pop(FACADE)
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail("cercle : " + " → ".join(error.args[1]))
    assert set(order) >= set(graph)


@pytest.mark.parametrize("chapter", sorted(ROOT.glob("chapters/**/*.md")), ids=lambda p: p.stem)
def test_chapters_open_the_rooms_of_the_course(chapter: Path) -> None:
    lines = re.findall(r"^(?:from|import) (?:livre|tests)\b.*", chapter.read_text(), re.MULTILINE)
    assert not lines, f"un notebook n'aura pas ce paquet : {lines}"


@pytest.mark.parametrize(
    ("module", "text", "red"),
    [
        ("reseaux.errors", "from reseaux import formatting", True),
        ("reseaux.formatting", "from reseaux.errors import ReseauxError", False),
        ("reseaux.reuse.weights", "def f():\n    from reseaux.few_data import scales", True),
        ("reseaux.few_data.scales", "from reseaux.reuse import weights", False),
        ("reseaux.data", "from photos import folder", True),
        ("photos.folder", "from reseaux import data", False),
        ("photos.folder", "import livre.notebooks", True),
        ("livre.notebooks", "import reseaux", True),
        ("experiments.glyphs", "import photos", True),
        ("reseaux.reuse.weights", "import reseaux", True),
        ("photos.command", "import reseaux", False),
        ("reseaux.tables", "from . import errors", True),
    ],
)
def test_the_rule_sees_a_climb(module: str, text: str, red: bool) -> None:
    known = frozenset({"reseaux.formatting", "reseaux.data", "reseaux.few_data.scales"}) | {
        *MODULES
    }
    found = list(imports(text, known))
    assert found
    assert any(name == "import relatif" or forbidden(module, name) for name in found) == red


@pytest.mark.parametrize("module", [m for m, file in MODULES.items() if file.stem != "__init__"])
def test_every_module_has_its_test_file(module: str) -> None:
    *folders, name = module.split(".")
    expected = ROOT / "tests" / Path(*folders) / f"test_{name.strip('_')}.py"
    assert expected.is_file(), f"{module} : pas de {expected.relative_to(ROOT)}"


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    return (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node) else 0


@pytest.mark.parametrize("module", MODULES)
def test_a_file_is_read_in_one_sitting(module: str) -> None:
    text = MODULES[module].read_text()
    long = {module: len(text.splitlines())} if len(text.splitlines()) > LONGEST_FILE else {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1 - _docstring_lines(node)
            if lines > LONGEST_FUNCTION:
                long[f"{module}.{node.name}"] = lines
    assert not long.keys() - LONGER, f"trop long : {long}"
