"""Les verdicts de « make demonstration » : le fichier où ils s'ajoutent, et leur score."""

import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

EQUIVALENTS = Path(__file__).resolve().parents[1] / "equivalents.tsv"
# Ce qui désigne une altération, même quand sa ligne change de numéro : module, avant, après.
Key = tuple[str, str, str]
GREEN, SEEN, SURVIVED, LATE = "vert", "vu", "survivant", "trop long"


def read_results(file: Path) -> dict[Key, dict[str, Any]]:
    """Le dernier verdict de chaque altération."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    found = [json.loads(line) for line in lines]
    return {(one["module"], one["before"], one["after"]): one for one in found}


def equivalents() -> dict[Key, str]:
    """Les altérations qui ne changent rien, et pourquoi."""
    with EQUIVALENTS.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {(row["module"], row["avant"], row["après"]): row["raison"] for row in rows}


def room(module: str) -> str:
    """Le paquet d'un module ; pour « reseaux », sa pièce."""
    parts = module.split(".")
    return ".".join(parts[:2]) if len(parts) > 2 and parts[0] == "reseaux" else parts[0]


def scores(names: dict[Key, str], results: dict[Key, dict[str, Any]]) -> dict[str, float]:
    """Affiche le score de chaque module, puis de chaque paquet ; rend ceux des paquets.

    ``names`` donne le nom du fichier de chaque altération à compter.
    """
    excused = equivalents()
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for key, name in names.items():
        if key not in results:
            continue
        seen = results[key]["verdict"] != SURVIVED
        for group in (f"  {name}", room(name)):
            counts[group][0] += 1
            counts[group][1] += seen
            counts[group][2] += not seen and key in excused
    print(f"{'module':<44} jouées  vues  équivalentes  score")
    found = {}
    for group in sorted(counts, key=lambda name: (name[0] != " ", name)):
        tried, seen, same = counts[group]
        score = 100 * seen / max(1, tried - same)
        print(f"{group:<44} {tried:6} {seen:5} {same:13} {score:5.0f} %")
        if group[0] != " ":
            found[group] = score
    return found
