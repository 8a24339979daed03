"""Note chaque page du site avec Lighthouse, comme un téléphone la verrait.

    make audit PAGES="vgg alexnet"

Lighthouse vient de npm, par « npx » ; il pilote Chromium (variable CHROMIUM : son chemin). Une page
est bonne à 98 au moins en performance, à 100 en accessibilité, bonnes pratiques et référencement.
La performance dépend de la machine : au repos seulement, elle dit quelque chose de la page.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "aides"))
from hosting import hosted
from livre.pdf import find_chromium
from site_files import SITE, toc_pages

LIGHTHOUSE = "lighthouse@12.8.2"
WANTED = {
    "performance": ("performance", 98),
    "accessibility": ("accessibilité", 100),
    "best-practices": ("bonnes pratiques", 100),
    "seo": ("référencement", 100),
}


def report(address: str, chromium: str) -> dict[str, Any]:
    """Le rapport de Lighthouse sur une page.

    Raises:
        SystemExit: Lighthouse n'a pas répondu.
    """
    command = ["npx", "--yes", LIGHTHOUSE, address, "--quiet", "--output=json"]
    done = subprocess.run(
        [*command, "--chrome-flags=--headless=new --no-sandbox"],
        env=os.environ | {"CHROME_PATH": chromium},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"Lighthouse a échoué sur {address} :\n{done.stderr.strip()[-800:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def faults(found: dict[str, Any]) -> list[str]:
    """Ce qui ôte des points hors de la performance : le nom de chaque règle manquée."""
    return [
        audit["id"]
        for name, category in found["categories"].items()
        if name != "performance"
        for audit in (found["audits"][ref["id"]] for ref in category["auditRefs"] if ref["weight"])
        if audit["score"] is not None and audit["score"] < 1
    ]


def main(arguments: list[str] | None = None) -> int:
    """Note les pages demandées ; rend 0 si toutes ont ce qu'on veut."""
    parser = argparse.ArgumentParser(description="Note les pages du site avec Lighthouse.")
    parser.add_argument("pages", nargs="*", help="les noms des pages ; par défaut, toutes")
    asked = parser.parse_args(arguments).pages
    pages = [page for page in toc_pages() if not asked or Path(page).name in asked]
    if unknown := set(asked) - {Path(page).name for page in pages}:
        parser.error(f"pas de page de ce nom : {', '.join(sorted(unknown))}")
    if not (SITE / "index.html").is_file():
        parser.error("pas de site : lancez d'abord « make livre »")
    if not shutil.which("npx"):
        parser.error("il faut npx, qui vient avec Node.js")
    chromium = find_chromium()
    print(f"{'page':<24}", *(f"{title:>17}" for title, _ in WANTED.values()))
    bad = 0
    with hosted(SITE) as (address, _):
        for page in pages:
            found = report(f"{address}/{page}.html", chromium)
            scores = {name: round(100 * found["categories"][name]["score"]) for name in WANTED}
            bad += any(scores[name] < least for name, (_, least) in WANTED.items())
            told = " ".join(faults(found))
            print(
                f"{Path(page).name:<24}", *(f"{s:>17}" for s in scores.values()), told, flush=True
            )
    print(f"{len(pages)} pages, dont {bad} sous la note voulue")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
