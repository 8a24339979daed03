"""Rejoue les pages sous d'autres graines : une conclusion qu'un tirage renverse n'en est pas une.

Chaque page s'exécute ici comme dans le livre, à ceci près que toute graine fixée, dans la page
comme dans le paquet, est décalée. Un ``assert`` faux n'arrête rien : il est compté. Ceux qui
parlent du tirage montré, et non d'une règle, sont nommés un par un dans ``tirages.tsv``, avec la
raison ; tout autre ``assert`` tombé est une conclusion à corriger.

    make graines PAGES="risque strategies" GRAINES=5
"""

import argparse
import ast
import contextlib
import csv
import io
import linecache
import os
import subprocess
import sys
import time
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TIED = Path(__file__).with_name("tirages.tsv")
STEP = 100_003  # premier, et plus grand que toute graine du livre : aucun tirage n'est rejoué


class Fallen(NamedTuple):
    """Un ``assert`` tombé : sa page, la graine, la cellule, ce qu'il disait."""

    page: str
    seed: int
    cell: int
    said: str


class Record:
    """Compte les ``assert`` d'une page, et combien de graines ont été décalées."""

    def __init__(self, page: str, seed: int) -> None:
        self.page, self.seed = page, seed
        self.held, self.shifted = 0, 0
        self.fallen: list[Fallen] = []
        self.cell = 0

    def note(self, said: str, good: bool) -> None:
        """Range un ``assert`` : tenu ou tombé."""
        if good:
            self.held += 1
        else:
            self.fallen.append(Fallen(self.page, self.seed, self.cell, said))

    def shift(self, seed: Any) -> Any:
        """Décale une graine entière ; laisse les autres (``None``, un générateur)."""
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            return seed
        self.shifted += 1
        return (int(seed) + STEP * self.seed) % 2**32


class Watched(ast.NodeTransformer):
    """Remplace chaque ``assert`` par une note : la suite de la page s'exécute quand même."""

    def visit_Assert(self, node: ast.Assert) -> ast.Try:
        """Rend ``try: assert … ; sinon : noter``."""
        said = " ".join(ast.unparse(node.test).split())
        note = "__record__.note({!r}, {})"
        watched = ast.parse(
            f"try:\n    pass\nexcept AssertionError:\n    {note.format(said, False)}\n"
            f"else:\n    {note.format(said, True)}"
        ).body[0]
        assert isinstance(watched, ast.Try)
        watched.body = [node]
        return watched


def shift_seeds(record: Record) -> None:
    """Fait passer par ``record.shift`` toute graine donnée à torch ou à NumPy."""
    import numpy as np
    import torch

    def shifted(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def wrapper(seed: Any = None, *rest: Any, **named: Any) -> Any:
            return function(record.shift(seed), *rest, **named)

        return wrapper

    class Generator(torch.Generator):
        def manual_seed(self, seed: int) -> "Generator":
            super().manual_seed(record.shift(seed))
            return self

    class RandomState(np.random.RandomState):
        def __init__(self, seed: Any = None) -> None:
            super().__init__(record.shift(seed))

    torch.manual_seed = shifted(torch.manual_seed)
    torch.Generator = Generator  # type: ignore[misc]
    np.random.default_rng = shifted(np.random.default_rng)
    np.random.seed = shifted(np.random.seed)  # type: ignore[assignment]
    np.random.RandomState = RandomState  # type: ignore[misc]


def replay(chapter: Path, seed: int) -> Record:
    """Exécute une page dans ce processus, graines décalées ; rend ses ``assert``."""
    from livre.expected_outputs import to_notebook

    record = Record(chapter.stem, seed)
    shift_seeds(record)
    module = types.ModuleType("__main__")
    module.__dict__["__record__"] = record
    sys.modules["__main__"] = module
    cells = [cell for cell in to_notebook(chapter).cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells, 1):
        record.cell, name = number, f"<{chapter.stem}, cellule {number}>"
        linecache.cache[name] = (len(cell.source), None, cell.source.splitlines(True), name)
        tree = ast.fix_missing_locations(Watched().visit(ast.parse(cell.source)))
        try:
            exec(compile(tree, name, "exec"), module.__dict__)
        except Exception as error:  # une cellule qui ne va pas au bout est une chute, elle aussi
            if "raises-exception" not in cell.metadata.get("tags", []):
                record.fallen.append(
                    Fallen(record.page, seed, number, f"{type(error).__name__} : {error}"[:300])
                )
    return record


def run_here(page: Path, seed: int) -> int:
    """Rejoue une page, sans ses sorties, et écrit le compte sur la sortie standard."""
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(io.StringIO()):
        record = replay(page, seed)
    out = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
    out.writerow((record.page, record.held, record.shifted))
    out.writerows(record.fallen)
    return 0


def run_apart(page: Path, seed: int) -> tuple[int, int, list[Fallen]]:
    """Rejoue une page dans un processus à elle ; rend tenus, graines décalées, tombés."""
    done = subprocess.run(
        [sys.executable, __file__, str(page), "--ici", str(seed)],
        capture_output=True, text=True, cwd=ROOT, check=False,
        env=os.environ | {"MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{page.stem}, graine {seed} : {done.stderr.strip()[-2000:]}")
    first, *rows = csv.reader(done.stdout.splitlines(), delimiter="\t")
    fallen = [Fallen(p, int(s), int(c), said) for p, s, c, said in rows]
    return int(first[1]), int(first[2]), fallen


def tied() -> dict[tuple[str, str], str]:
    """Lit ``tirages.tsv`` : (page, ce que dit l'``assert``) vers la raison."""
    with TIED.open(encoding="utf-8", newline="") as file:
        return {(row[0], row[1]): row[2] for row in csv.reader(file, delimiter="\t")}


def sweep(pages: list[Path], seeds: int) -> Iterator[Fallen]:
    """Rejoue chaque page sous chaque graine ; une page sans hasard ne l'est qu'une fois."""
    for page in pages:
        for seed in range(1, seeds + 1):
            start = time.perf_counter()
            held, shifted, fallen = run_apart(page, seed)
            print(
                f"{page.stem:16} graine {seed} : {held} tenus, {len(fallen)} tombés, "
                f"{shifted} graines décalées, {time.perf_counter() - start:.0f} s",
                flush=True,
            )
            yield from fallen
            if not shifted:
                break


def main() -> int:
    """Rejoue les pages demandées, et rend 1 si une conclusion tombe."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("pages", nargs="*")
    parser.add_argument("--graines", type=int, default=5)
    parser.add_argument("--ici", type=int)
    asked = parser.parse_args()
    if asked.ici is not None:
        return run_here(Path(asked.pages[0]), asked.ici)
    from livre.expected_outputs import chapters

    known = {chapter.stem: chapter for chapter in chapters()}
    if absent := set(asked.pages) - set(known):
        parser.error(f"pages inconnues : {', '.join(sorted(absent))} ; il y a {', '.join(known)}.")
    pages = [known[name] for name in asked.pages or known]
    reasons = tied()
    count = Counter((f.page, f.cell, f.said) for f in sweep(pages, asked.graines))
    bad = 0
    for (page, cell, said), times in sorted(count.items()):
        reason = reasons.get((page, said))
        bad += reason is None
        print(f"{page}, cellule {cell}, {times} fois : {said}\n    {reason or 'À CORRIGER'}")
    print(f"{len(pages)} pages, {asked.graines} graines : {bad} conclusions tombent")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
