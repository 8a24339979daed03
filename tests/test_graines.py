"""L'outil qui rejoue les pages décale toute graine, et n'oublie aucun ``assert``."""

import ast
import csv
import subprocess
import sys
from pathlib import Path

from livre.expected_outputs import chapters, to_notebook

ROOT = Path(__file__).resolve().parents[1]
HEADER = "---\nkernelspec:\n  name: python3\n  display_name: Python 3\n---\n\n# Page\n"
CELL = "\n```{{code-cell}} ipython3\n{tags}{code}\n```\n"


def replayed(tmp_path, *cells, seed=3):
    """La première ligne (page, tenus, graines décalées), puis les ``assert`` tombés."""
    page = tmp_path / "page.md"
    page.write_text(HEADER + "".join(cells), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "graines.py"), str(page), "--ici", str(seed)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, *fallen = csv.reader(done.stdout.splitlines(), delimiter="\t")
    return first, fallen


def cell(code, tags=""):
    return CELL.format(code=code, tags=tags)


def test_a_false_statement_is_told_and_the_page_goes_on(tmp_path):
    first, fallen = replayed(
        tmp_path,
        cell("print('une sortie')\nassert 1 + 1 == 3\nassert True"),
        cell("for k in range(3):\n    assert k < 2, 'non'"),
        cell("1 / 0"),
        cell("1 / 0", ":tags: [raises-exception]\n\n"),
        cell("assert 2 < 3"),
    )
    assert first == ["page", "4", "0"]
    assert fallen == [
        ["page", "3", "1", "1 + 1 == 3"],
        ["page", "3", "2", "k < 2"],
        ["page", "3", "3", "ZeroDivisionError : division by zero"],
    ]


SOURCES = [
    "torch.manual_seed(0)\nx = torch.rand(1).item()",
    "x = torch.rand(1, generator=torch.Generator().manual_seed(0)).item()",
    "x = np.random.default_rng(0).random()",
    "np.random.seed(0)\nx = np.random.random()",
    "x = check_random_state(0).uniform()",
    "x = data.digits().sample(1, seed=0)[0].images[0].sum()",
]
IMPORTS = (
    "import numpy as np\nimport torch\nfrom sklearn.utils import check_random_state\n"
    "from reseaux import data\n"
)


def test_every_source_of_chance_is_shifted(tmp_path):
    cells = []
    for source in SOURCES:
        space = {}
        exec(IMPORTS + source, space)
        cells.append(cell(f"{IMPORTS}{source}\nassert abs(x - {float(space['x'])!r}) < 1e-9"))
    first, fallen = replayed(tmp_path, *cells)
    assert int(first[2]) >= len(SOURCES)
    assert [int(row[2]) for row in fallen] == [*range(1, len(SOURCES) + 1)]
    assert replayed(tmp_path, *cells, seed=0)[1] == []


def test_what_is_tied_to_a_draw_is_still_on_its_page():
    said = {}
    for page in chapters():
        trees = [ast.parse(c.source) for c in to_notebook(page).cells if c.cell_type == "code"]
        nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Assert)]
        said[page.stem] = {" ".join(ast.unparse(node.test).split()) for node in nodes}
    with (ROOT / "tests" / "tirages.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    assert rows
    assert all(reason.strip() for _, _, reason in rows)
    assert [row for row in rows if row[1] not in said[row[0]]] == []
