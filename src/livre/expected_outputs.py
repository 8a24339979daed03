"""Les sorties de référence : chaque chapitre exécuté une fois, rangé dans ``tests/notebooks``.

nbval rejoue ensuite chaque notebook et compare, cellule par cellule. Les images sont retirées :
nbval ne les compare pas, et elles pèseraient lourd dans le dépôt. Ce qui varie d'une machine à
l'autre porte l'étiquette ``nbval-ignore-output`` ; sa sortie n'est pas gardée.

    python -m livre.expected_outputs                 # tous les chapitres
    python -m livre.expected_outputs vgg alexnet     # ceux dont le nom contient l'un de ces mots
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from livre.kernels import WORKERS, use_local_sockets

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ROOT / "chapters"
REFERENCES = ROOT / "tests" / "notebooks"
CELL_TIMEOUT = 120  # secondes
IGNORED = "nbval-ignore-output"


def chapters() -> list[Path]:
    """Liste, par ordre alphabétique, les pages qui s'exécutent : leur en-tête nomme un noyau."""
    pages = sorted(CHAPTERS.rglob("*.md"))
    return [page for page in pages if "\nkernelspec:\n" in page.read_text(encoding="utf-8")]


def reference_path(chapter: Path) -> Path:
    """Rend le chemin du notebook de référence d'un chapitre."""
    return REFERENCES / chapter.relative_to(CHAPTERS).with_suffix(".ipynb")


def to_notebook(chapter: Path) -> NotebookNode:
    """Convertit un chapitre MyST en notebook sans sorties, toujours le même pour la même source."""
    notebook: NotebookNode = jupytext.read(chapter)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cellule-{number}"  # jupytext les tire au hasard
    return notebook


def execute(notebook: NotebookNode) -> NotebookNode:
    """Exécute un notebook ; l'erreur d'une cellule arrête tout (``CellExecutionError``)."""
    client = NotebookClient(
        notebook, timeout=CELL_TIMEOUT, kernel_name="python3", coalesce_streams=True
    )
    executed: NotebookNode = client.execute()
    return executed


def clean(notebook: NotebookNode) -> NotebookNode:
    """Retire ce qui ne se compare pas : images, métadonnées d'exécution, sorties ignorées."""
    code = 0
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        code += 1
        cell.execution_count = code  # nbval refuse une cellule qui a des sorties sans numéro
        if IGNORED in cell.metadata.get("tags", []):
            cell.outputs = []
        for output in cell.outputs:
            output.get("data", {}).pop("image/png", None)
            if "execution_count" in output:
                output["execution_count"] = code
    notebook.metadata.pop("language_info", None)
    return notebook


def regenerate(chapter: Path) -> str:
    """Récrit la référence d'un chapitre ; rend son temps d'exécution et son nom.

    Raises:
        SystemExit: une cellule échoue ; le message la montre et nomme la page.
    """
    start = time.perf_counter()
    try:
        notebook = clean(execute(to_notebook(chapter)))
    except CellExecutionError as error:
        raise SystemExit(
            f"{error}\n{chapter.relative_to(ROOT)} : la cellule ci-dessus échoue. Corrigez-la ; "
            "la référence de cette page n'a pas changé."
        ) from None
    reference = reference_path(chapter)
    reference.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, reference)  # type: ignore[no-untyped-call]
    return f"{time.perf_counter() - start:6.1f} s  {chapter.relative_to(ROOT)}"


def main(words: list[str]) -> int:
    """Régénère les références des chapitres dont le chemin contient l'un des mots donnés."""
    chosen = [
        c for c in chapters() if not words or any(w in str(c.relative_to(CHAPTERS)) for w in words)
    ]
    if not chosen:
        names = ", ".join(c.stem for c in chapters())
        print(f"Aucun chapitre ne contient : {', '.join(words)}. Chapitres : {names}.")
        return 2
    use_local_sockets()
    # Réglé dans le terminal, il ferait perdre en silence la sortie de chaque figure.
    os.environ.pop("MPLBACKEND", None)
    with ThreadPoolExecutor(WORKERS) as pool:
        for line in pool.map(regenerate, chosen):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
