"""Chaque mot des pages est dans le dictionnaire français de hunspell, ou dans ``mots.txt``.

Il faut hunspell et son dictionnaire (Debian : « apt install hunspell hunspell-fr ») : sans eux, ces
tests échouent et le disent.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from page_prose import PAGES, prose

# Les mots que le dictionnaire n'a pas : termes du métier, noms propres, mots anglais cités.
KNOWN = set((Path(__file__).parent / "mots.txt").read_text(encoding="utf-8").split())


def unknown(text: str) -> set[str]:
    """Les mots d'un texte que ni le dictionnaire ni la liste ne connaissent."""
    command = shutil.which("hunspell")
    assert command, "hunspell manque : « apt install hunspell hunspell-fr »"
    found = subprocess.run(
        [command, "-d", "fr_FR", "-i", "utf-8", "-l"],
        input=text.replace("’", "'"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Can't open" not in found.stderr, "le dictionnaire français manque : hunspell-fr"
    words = (re.sub(r"^(?:[a-z]|qu)'", "", word.strip(".-'")) for word in found.stdout.split())
    return {word for word in words if word} - KNOWN


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_word_is_known(page: Path) -> None:
    words = sorted(unknown(prose(page.read_text(encoding="utf-8"))))
    assert not words, f"À corriger, ou à ajouter à mots.txt : {', '.join(words)}"


def test_a_misspelled_word_is_seen_and_code_is_not() -> None:
    text = "Un réseau à l'envres.\n\n```python\ndef brrr(): ...\n```\n\n`zqx` et $zqy$ {term}`zqz`."
    assert unknown(prose(text)) == {"envres"}
