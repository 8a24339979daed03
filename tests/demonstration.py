"""Montre que les tests mordent : altère le code d'une façon à la fois, et attend un test rouge.

Chaque altération (``aides/mutants.py``) s'écrit dans une copie jetable du dépôt. On y lance le
fichier de tests du module ; s'il reste vert, les autres fichiers de tests qui importent ce module.
Torch et pytest se chargent une fois : chaque essai est une copie (« fork ») de ce processus.
Une altération que rien ne voit est un survivant : un test manque, ou elle ne change rien, et
``equivalents.tsv`` dit pourquoi.

    make demonstration MODULES="reseaux.reuse photos" PAR_MODULE=12
"""

import argparse
import ast
import compileall
import contextlib
import gc
import hashlib
import importlib
import json
import os
import py_compile
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent / "aides"))
from mutants import Mutant, mutants
from verdicts import GREEN, LATE, SEEN, SURVIVED, Key, read_results, scores

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("reseaux", "photos", "experiments", "livre")
# Ce qui est long à charger, et que les tests importent ; rien de « src ».
PRELOADED = [
    "_pytest.terminal", "hypothesis", "numpy", "PIL.Image", "matplotlib.pyplot", "scipy.stats",
    "bs4", "sklearn.linear_model", "skimage.data", "torch", "torchvision.transforms.v2", "timm",
    "captum.attr", "sphinx.application", "nbformat", "jupytext",
]  # fmt: skip
GIGABYTE = 2**30
# Ce qui n'est pas du Python : le fichier, l'altération, les tests qui doivent la voir.
COURSE = (
    ("src/reseaux/reuse/imagenet_fr.tsv", "\ttabby\t", "\tlynx\t",
     ["tests/reseaux/reuse/test_imagenet.py"]),
    ("references.bib", "{He15,", "{He16,", ["tests/chapters/test_references.py"]),
    ("chapters/classiques/vgg.md", "C=256", "C=128",
     ["tests/chapters/test_expected_outputs.py"]),
    ("tests/notebooks/classiques/vgg.ipynb", "À peine 8,1", "À peine 8,7",
     ["tests/chapters/test_prose.py"]),
    ("src/reseaux/published.py", '"ResNet", 3.57', '"ResNet", 3.75',
     ["--nbval", "--nbval-sanitize-with=tests/nbval.cfg",
      "tests/notebooks/classiques/imagenet.ipynb"]),
)  # fmt: skip


class Job(NamedTuple):
    """Un fichier, ses altérations, et les tests à lancer tour à tour, jusqu'au premier rouge."""

    name: str
    file: str
    text: str
    stages: list[list[str]]
    mutants: list[Mutant]
    digest: str


def imported(file: Path) -> set[str]:
    """Les modules qu'un fichier de tests importe, où que ce soit."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def jobs(
    root: Path, wanted: list[str], size: int | None, seed: int, own_only: bool
) -> Iterator[Job]:
    """Les altérations demandées : celles d'un module, d'un paquet, ou du « cours »."""

    def asked(name: str) -> bool:
        return not wanted or any(f"{name}.".startswith(f"{word}.") for word in wanted)

    tests = [file for name in PACKAGES for file in sorted(root.glob(f"tests/{name}/**/test_*.py"))]
    readers = {str(file.relative_to(root)): imported(file) for file in tests}
    for file in [file for name in PACKAGES for file in sorted(root.glob(f"src/{name}/**/*.py"))]:
        parts = file.relative_to(root / "src").with_suffix("").parts
        module = ".".join(parts).removesuffix(".__init__")
        if not asked(module):
            continue
        stem = parts[-1].strip("_") if parts[-1] != "__init__" or len(parts) < 3 else parts[-2]
        own = str(Path("tests", *parts[:-1], f"test_{stem}.py"))
        # Un dossier dans une pièce (le dessin) ne se lit qu'entier : ses tests vont ensemble.
        near = str(Path(own).parent) if len(parts) > 3 else "?"
        others = [
            name
            for name, names in readers.items()
            if name != own and (module in names or name.startswith(near))
        ]
        others = [] if own_only and own in readers else others
        stages = [stage for stage in ([own] if own in readers else [], others) if stage]
        text = file.read_text(encoding="utf-8")
        made = list(mutants(module, text, size, seed))
        read = [file, *(root / name for stage in stages for name in stage)]
        digest = hashlib.sha256(b"".join(one.read_bytes() for one in read)).hexdigest()[:16]
        if made:
            yield Job(module, str(file.relative_to(root)), text, stages, made, digest)
    for name, before, after, arguments in COURSE if asked("cours") else ():
        text = (root / name).read_text(encoding="utf-8")
        altered = text.replace(before, after, 1)
        if altered == text:
            raise SystemExit(f"« {before} » n'est plus dans {name} : corrigez COURSE.")
        line = text[: text.index(before)].count("\n") + 1
        made = [Mutant(f"cours.{name}", line, "texte", before, after, altered)]
        yield Job(f"cours.{name}", name, text, [arguments], made, "")


def copy_project(root: Path, folder: Path) -> Path:
    """Copie le dépôt."""
    # Les fichiers compilés se comparent à leur source par empreinte : deux altérations de même
    # longueur dans la même seconde ne se confondent pas.
    ignored = shutil.ignore_patterns(".*", "_build", "__pycache__")
    shutil.copytree(root, folder, ignore=ignored, symlinks=True)
    compileall.compile_dir(
        folder / "src", quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
    )
    return folder


def _child(folder: Path, arguments: list[str]) -> int:
    """Dans le processus copié : lance pytest sur la copie du dépôt."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (12 * GIGABYTE,) * 2)
    out = os.open(folder.parent / "sortie.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(out, stream)
    os.chdir(folder)
    source = str(folder / "src")
    os.environ["PYTHONPATH"] = source
    sys.path[:] = [source, *(path for path in sys.path if not path.startswith(str(ROOT / "tests")))]
    import hypothesis
    import pytest

    # Sans réduire l'exemple trouvé : un test rouge suffit.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("x", phases=phases, derandomize=True, database=None)
    hypothesis.settings.load_profile("x")
    base = f"--basetemp={folder.parent / 'tmp'}"
    return pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", base, *arguments])


def run_tests(folder: Path, arguments: list[str], limit: float) -> tuple[str, str, float]:
    """Lance des tests dans la copie ; rend (verdict, premier test rouge, secondes)."""
    start = time.monotonic()
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        code = 70
        try:
            code = _child(folder, arguments)
        finally:
            os._exit(code)
    status = None
    try:
        while status is None and time.monotonic() - start < limit:
            done, code = os.waitpid(pid, os.WNOHANG)
            status = code if done else None
            time.sleep(0.02)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    seconds = time.monotonic() - start
    if status is None:
        os.waitpid(pid, 0)
        return LATE, "", seconds
    if os.waitstatus_to_exitcode(status) in (0, 5):
        return GREEN, "", seconds
    lines = (folder.parent / "sortie.txt").read_text(errors="replace").splitlines()
    red = [line for line in lines if line.startswith(("FAILED", "ERROR", "E  "))]
    return SEEN, (red or lines or ["?"])[-1][:160], seconds


def play(job: Job, folder: Path, known: dict[Key, dict[str, Any]], results: Path) -> None:
    """Joue les altérations d'un fichier ; écrit chaque verdict dès qu'il tombe."""
    limits: dict[int, float] = {}
    for mutant in job.mutants:
        old = known.get((mutant.module, mutant.before, mutant.after))
        if old and (old["verdict"] != SURVIVED or old["empreinte"] == job.digest):
            continue
        verdict, red, total = GREEN, "", 0.0
        for k, arguments in enumerate(job.stages):
            if k not in limits:
                verdict, red, seconds = run_tests(folder, arguments, 900)
                if verdict != GREEN:
                    print(f"?? {job.name} : rouge avant toute altération. {red}", flush=True)
                    return
                limits[k] = 20 + 5 * seconds
            (folder / job.file).write_text(mutant.text, encoding="utf-8")
            verdict, red, seconds = run_tests(folder, arguments, limits[k])
            (folder / job.file).write_text(job.text, encoding="utf-8")
            total += seconds
            if verdict != GREEN:
                break
        found = {
            **{name: value for name, value in mutant._asdict().items() if name != "text"},
            "verdict": SURVIVED if verdict == GREEN else verdict,
            "rouge": red,
            "secondes": round(total, 1),
            "empreinte": job.digest,
        }
        with results.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(found, ensure_ascii=False) + "\n")
        if verdict == GREEN:
            print(f"NON VU {job.file}:{mutant.line} ({mutant.operator})", flush=True)
            print(f"     - {mutant.before}\n     + {mutant.after}", flush=True)


def work(todo: list[Job], folder: Path, workers: int, results: Path) -> bool:
    """Partage les fichiers entre des processus ; dit si tous sont allés au bout."""
    known = read_results(results)
    reader, writer = os.pipe()
    os.write(writer, b"".join(k.to_bytes(2) for k in range(len(todo))))
    os.close(writer)
    pids = []
    for worker in range(workers):
        pids.append(os.fork())
        if pids[-1]:
            continue
        code = 1
        try:
            own = copy_project(folder, folder.parent / f"{worker}" / "cours")
            while number := os.read(reader, 2):
                play(todo[int.from_bytes(number)], own, known, results)
            code = 0
        finally:
            os._exit(code)
    codes = [os.waitpid(pid, 0)[1] for pid in pids]
    return not any(codes)


def main() -> int:
    """Joue les altérations ; rend 0 si chaque paquet atteint le seuil."""
    parser = argparse.ArgumentParser(description="Altère le code et attend un test rouge.")
    parser.add_argument(
        "modules", nargs="*", help="modules, paquets, ou « cours » ; tous par défaut"
    )
    parser.add_argument("--par-module", default="12", help="combien d'altérations, ou « toutes »")
    parser.add_argument("--graine", type=int, default=0, help="la graine du tirage")
    parser.add_argument(
        "--travailleurs", type=int, default=os.cpu_count(), help="processus à la fois"
    )
    parser.add_argument("--propres", action="store_true", help="s'en tenir aux tests du module")
    parser.add_argument(
        "--seuil", type=float, default=95, help="part à voir dans chaque paquet, en %%"
    )
    parser.add_argument("--resultats", type=Path, default=ROOT / "_build" / "mutants.jsonl")
    parser.add_argument("--racine", type=Path, default=ROOT, help=argparse.SUPPRESS)
    given = parser.parse_args()
    size = None if given.par_module == "toutes" else int(given.par_module)
    chosen = given.modules, size, given.graine, given.propres
    given.resultats.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        folder = copy_project(given.racine, Path(temporary) / "cours")
        todo = list(jobs(folder, *chosen))
        if not todo:
            parser.error(f"aucun module ne répond à {' '.join(given.modules)}")
        print(
            f"{sum(len(job.mutants) for job in todo)} altérations de {len(todo)} fichiers",
            flush=True,
        )
        for name in PRELOADED if given.racine == ROOT else ():
            importlib.import_module(name)
        gc.freeze()  # les essais partagent ces pages au lieu de les recopier
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # l'essai en cours s'arrête aussi
        whole = work(todo, folder, given.travailleurs, given.resultats)
    names = {(m.module, m.before, m.after): job.name for job in todo for m in job.mutants}
    found = scores(names, read_results(given.resultats))
    return int(not whole or len(found) == 0 or min(found.values()) < given.seuil)


if __name__ == "__main__":
    sys.exit(main())
