"""Les altérations : chacune est du Python qui diffère ; « make demonstration » les joue."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mutants import mutants

ROOT = Path(__file__).resolve().parents[1]


def made(text: str) -> set[tuple[str, str]]:
    """Les altérations d'un texte : (opérateur, texte altéré, sans les parenthèses ajoutées)."""
    return {(one.operator, ast.unparse(ast.parse(one.text))) for one in mutants("m", text)}


@pytest.mark.parametrize(
    ("text", "operator", "altered"),
    [
        ("a = 3", "nombre", {"a = 4", "a = 2", "a = 6", "a = 0"}),
        ("a = 0.5", "nombre", {"a = 0.25", "a = 1.0", "a = 0"}),
        ("a = True", "booléen", {"a = False"}),
        ("a = table['poids']", "nom", {"a = table['poidsx']"}),
        ("a < b", "comparaison", {"a <= b", "a >= b"}),
        ("a is b is not c", "comparaison", {"a is not b is not c", "a is b is c"}),
        ("a and b", "et, ou", {"a or b"}),
        ("a = not b", "négation ôtée", {"a = b"}),
        ("a = (b + c) * d", "opération", {"a = (b - c) * d", "a = (b + c) / d"}),
        ("a += b", "opération", {"a -= b"}),
        ("a = f(b, c)", "arguments échangés", {"a = f(c, b)"}),
        ("a = f(b, c=d, encoding=e)", "mot clé ôté", {"a = f(b, encoding=e)"}),
        ("a.b = c", "instruction ôtée", {"pass"}),
        ("f()", "instruction ôtée", {"pass"}),
        ("raise f(3, 'nom', a=1)", "instruction ôtée", {"pass"}),
        ("a = b if c else d", "condition forcée",
         {"a = b if True else d", "a = b if False else d"}),
        ("a = [b for b in c if d]", "condition forcée", {"a = [b for b in c if True]"}),
        ("a = f'é {b + c:.1f}'", "opération", {"a = f'é {b - c:.1f}'"}),
        ("a: Annotated[int, at_least(b, c)]", "arguments échangés",
         {"a: Annotated[int, at_least(c, b)]"}),
    ],
)  # fmt: skip
def test_each_operator_writes_what_it_says(text, operator, altered):
    assert {new for name, new in made(text) if name == operator} == altered


@pytest.mark.parametrize(
    "text",
    [
        "'Une docstring.'",
        "raise f(3, a=-1)",
        "a: tuple[int, 3]",
        "def f(a: Literal['nom']) -> tuple[3]:\n    pass",
        "if TYPE_CHECKING:\n    a = 3",
        "a = f'une phrase {b}'",
        "a = f(b, b)",
        "a = min(b, c)",
        "__all__ = ['nom']",
        "a = cast('nom', b)",
    ],
)
def test_what_nobody_reads_as_code_is_left_alone(text):
    assert {name for name, _ in made(text)} <= {"instruction ôtée"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("src/reseaux/*.py")), ids=lambda path: path.stem)
def test_every_alteration_parses_and_differs(path):
    text = path.read_text(encoding="utf-8")
    some = list(mutants(path.stem, text, size=40))
    trees = {ast.dump(ast.parse(one.text)) for one in some}
    assert ast.dump(ast.parse(text)) not in trees
    assert all(one.before != one.after for one in some)
    assert [one.text for one in mutants(path.stem, text, size=40)] == [one.text for one in some]


def test_the_draw_takes_the_operators_in_turn():
    text = "a = [1, 2, 3, 4, 5, 6, 7, 8]\nb = not c\nd = e < f"
    assert {one.operator for one in mutants("m", text, size=3)} == {
        "nombre",
        "négation ôtée",
        "comparaison",
    }


def test_the_run_sees_an_alteration_and_misses_another(tmp_path):
    toy = tmp_path / "cours"
    for file, text in {
        "src/photos/__init__.py": "",
        "src/photos/jouet.py": "def double(a):\n    return a * 2\n",
        "tests/photos/test_jouet.py": (
            "import subprocess, sys\n"
            "from photos.jouet import double\n"
            "CODE = 'from photos.jouet import double; print(double(0))'\n"
            "def test_here():\n    assert double(0) == 0\n"
            "def test_there():\n"
            "    done = subprocess.run([sys.executable, '-c', CODE], capture_output=True)\n"
            "    assert done.stdout == b'0\\n'\n"
        ),
    }.items():
        (toy / file).parent.mkdir(parents=True, exist_ok=True)
        (toy / file).write_text(text)
    program = ROOT / "tests" / "demonstration.py"
    words = ["photos", "--par-module=toutes", "--travailleurs=1", f"--resultats={tmp_path / 'r'}"]
    command = [sys.executable, program, f"--racine={toy}", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    # Rien ne voit 3, 1, 4 ni 0 à la place de 2 ; seul le processus lancé voit la division (0.0).
    assert "NON VU src/photos/jouet.py:2 (nombre)\n     - return a * 2\n" in done.stdout
    assert done.stdout.count("NON VU") == 4
    assert done.stdout.splitlines()[-1].split() == ["photos", "5", "1", "0", "20", "%"]
    assert done.returncode == 1
