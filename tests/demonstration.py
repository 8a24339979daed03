"""Montre que les tests mordent : casse le cours d'une façon à la fois, et attend un test rouge.

Chaque altération se fait sur une copie jetable du dépôt. On y lance ceux des tests de « make test »
qui devraient la voir ; le premier test rouge est affiché. Une altération que rien ne voit fait
échouer la démonstration.

    make demonstration
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Alteration(NamedTuple):
    """Une façon de casser le cours, et les tests qui doivent s'en apercevoir."""

    title: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


UNIT = "tests"
NBVAL = "tests/notebooks"
ALTERATIONS = (
    Alteration(
        "une valeur de configuration de VGG",
        "src/reseaux/architectures/vgg.py",
        '("conv3-256", "conv3-256", "conv1-256")',
        '("conv3-256", "conv3-256", "conv3-256")',
        (f"{UNIT}/reseaux/architectures/test_vgg.py",),
    ),
    Alteration(
        "la même, vue par le chapitre seul",
        "src/reseaux/architectures/vgg.py",
        '("conv3-256", "conv3-256", "conv1-256")',
        '("conv3-256", "conv3-256", "conv3-256")',
        (f"{NBVAL}/classiques/vgg.ipynb",),
    ),
    Alteration(
        "un nombre de canaux d'AlexNet",
        "src/reseaux/architectures/alexnet.py",
        "Conv(96, 11, stride=4",
        "Conv(64, 11, stride=4",
        (f"{UNIT}/reseaux/architectures/test_alexnet.py",),
    ),
    Alteration(
        "la règle du champ réceptif",
        "src/reseaux/anatomy/receptive.py",
        "(kh - 1) * dh * down",
        "kh * dh * down",
        (f"{UNIT}/reseaux/anatomy/test_receptive.py",),
    ),
    Alteration(
        "la forme écrite sous un bloc d'un dessin",
        "src/reseaux/anatomy/drawing/placement.py",
        "dimensions(block.output)), (",
        "dimensions(block.output[1:])), (",
        (f"{UNIT}/reseaux/anatomy/drawing/test_blocks.py",),
    ),
    Alteration(
        "le même dessin, vu par le chapitre seul",
        "src/reseaux/anatomy/drawing/placement.py",
        "dimensions(block.output)), (",
        "dimensions(block.output[1:])), (",
        (f"{NBVAL}/classiques/alexnet.ipynb",),
    ),
    Alteration(
        "une étiquette d'ImageNet (le chat tigré devient le lynx)",
        "src/reseaux/reuse/imagenet_fr.tsv",
        "\ttabby\t",
        "\tlynx\t",
        (f"{UNIT}/reseaux/reuse/test_imagenet.py",),
    ),
    Alteration(
        "une clé de citation",
        "references.bib",
        "{He15,",
        "{He16,",
        (f"{UNIT}/chapters/test_references.py",),
    ),
    Alteration(
        "un chiffre de published.py",
        "src/reseaux/published.py",
        '"MSRA", "ResNet", 3.57',
        '"MSRA", "ResNet", 3.75',
        (f"{UNIT}/reseaux/test_published.py",),
    ),
    Alteration(
        "le même, vu par le chapitre seul",
        "src/reseaux/published.py",
        '"MSRA", "ResNet", 3.57',
        '"MSRA", "ResNet", 3.75',
        (f"{NBVAL}/classiques/imagenet.ipynb",),
    ),
    Alteration(
        "un chapitre changé sans ses références",
        "chapters/classiques/vgg.md",
        "C = 256",
        "C = 128",
        (f"{UNIT}/chapters/test_expected_outputs.py",),
    ),
    Alteration(
        "un nombre tapé dans la prose d'une référence",
        "tests/notebooks/classiques/vgg.ipynb",
        "À peine 8,1",
        "À peine 8,7",
        (f"{UNIT}/chapters/test_prose.py",),
    ),
)


def copy_project(destination: Path) -> None:
    """Copie les fichiers suivis par git, tels qu'ils sont dans le dossier de travail."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        target = destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)


def run_tests(project: Path, tests: tuple[str, ...]) -> tuple[bool, str]:
    """Lance des tests dans la copie ; rend (tout est vert, premier test rouge)."""
    nbval = ["--nbval", "--nbval-sanitize-with", "tests/nbval.cfg"] if NBVAL in tests[0] else []
    # La copie passe avant le paquet installé, y compris pour le noyau d'un notebook.
    env = {**os.environ, "PYTHONPATH": str(project / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *nbval, *tests],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
    )
    red = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return done.returncode == 0, (red or done.stdout.splitlines()[-1:] or ["?"])[0]


def main() -> int:
    """Joue chaque altération ; rend 0 si toutes ont été vues."""
    missed = 0
    for alteration in ALTERATIONS:
        with tempfile.TemporaryDirectory() as folder:
            project = Path(folder) / "cours"
            copy_project(project)
            file = project / alteration.file
            text = file.read_text(encoding="utf-8")
            if text.count(alteration.before) < 1:
                print(f"?? {alteration.title} : « {alteration.before} » n'est plus dans le fichier")
                missed += 1
                continue
            green, _ = run_tests(project, alteration.tests)
            if not green:
                print(f"?? {alteration.title} : ces tests étaient déjà rouges avant l'altération")
                missed += 1
                continue
            file.write_text(text.replace(alteration.before, alteration.after, 1), encoding="utf-8")
            green, detail = run_tests(project, alteration.tests)
            print(f"{'NON VU' if green else 'vu    '} {alteration.title}\n       {detail[:110]}")
            missed += green
    print(f"{len(ALTERATIONS) - missed} altérations vues sur {len(ALTERATIONS)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
