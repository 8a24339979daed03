"""Un dossier de photographies rangées par classe, découpées dans celles du cours."""

import csv
from pathlib import Path

from PIL import Image

from photos import command, report
from reseaux import data

SOURCES = {"café serré": "coffee", "chat": "chelsea", "temple chinois": "china"}
SIDE = 48


def crops(source: str, count: int) -> list[Image.Image]:
    photo = data.photo(source)
    corners = [
        (x, y)
        for y in range(0, photo.height - SIDE + 1, SIDE)
        for x in range(0, photo.width - SIDE + 1, SIDE)
    ]
    chosen = corners[:: len(corners) // count][:count]
    return [photo.crop((x, y, x + SIDE, y + SIDE)) for x, y in chosen]


def make(root: Path, count: int = 8) -> Path:
    for name, source in SOURCES.items():
        (root / name).mkdir(parents=True)
        for k, crop in enumerate(crops(source, count)):
            crop.save(root / name / f"photo n° {k}.png")
    return root


FAST = ("--taille", "32")


def run(*words: object) -> int:
    """Exécute la commande ; rend son code de sortie."""
    return command.main([str(word) for word in words])


def file_rows(output: Path) -> list[dict[str, str]]:
    """Ce que « fichiers.csv » dit de chaque fichier."""
    with (output / report.FILES).open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=";"))


def picture(color: tuple[int, int, int] = (200, 30, 30), size: tuple[int, int] = (40, 20)):
    """Une image unie."""
    return Image.new("RGB", size, color)
