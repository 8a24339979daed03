"""Enregistrer une page depuis JupyterLab sans en changer l'écriture.

jupytext récrit les réglages de chaque cellule à sa façon : une légende y perd ses lignes, un texte
de remplacement se replie à quatre-vingts colonnes, et l'en-tête gagne un numéro de version. Pour un
mot changé, toutes les figures d'une page sembleraient l'être. Ici, ce qui n'a pas changé de sens
garde l'écriture qu'il avait.
"""

import difflib
import re
from pathlib import Path
from typing import Any

import jupytext
import yaml

HEADER = re.compile(r"\A---\n(?P<yaml>.*?\n)---\n\n?", re.DOTALL)
# L'ouverture d'une cellule, et ses réglages : un bloc YAML, ou une ligne par réglage.
CELL = re.compile(
    r"^(?P<open>```+\{code-cell\}[^\n]*\n)(?P<options>---\n.*?^---\n|(?::[\w-]+:[^\n]*\n)+\n?|)",
    re.DOTALL | re.MULTILINE,
)
FORMAT = "md:myst"


def keep_layout(old: str, new: str) -> str:
    """Rend ``new``, où ce qui dit la même chose que dans ``old`` est écrit comme là.

    Args:
        old: la page telle que l'auteur l'a écrite.
        new: la même, récrite par jupytext après un changement.
    """
    header = HEADER.match(new)
    body = new[header.end() :] if header else new
    mine, others = list(CELL.finditer(old)), list(CELL.finditer(body))
    known = [repr(_read(cell["options"])) for cell in mine]
    meant = [repr(_read(cell["options"])) for cell in others]
    # Une cellule ajoutée, ôtée ou changée ne décale pas les autres.
    matcher = difflib.SequenceMatcher(None, known, meant, autojunk=False)
    for first, second, size in reversed(matcher.get_matching_blocks()):
        for place in reversed(range(size)):
            cell = others[second + place]
            body = body[: cell.start()] + mine[first + place][0] + body[cell.end() :]
    return _header(old, new) + body


def before_save(model: dict[str, Any], path: str, contents_manager: Any, **_: Any) -> None:
    """Ce que JupyterLab appelle avant d'écrire un fichier (``pre_save_hook``).

    Un texte que jupytext n'a pas récrit, celui d'un éditeur, est écrit tel quel.
    """
    file = Path(contents_manager.root_dir) / path.strip("/")
    if model.get("type") != "file" or file.suffix != ".md" or not file.is_file():
        return
    header = HEADER.match(model["content"])
    if header and "jupytext_version:" in header[0]:
        model["content"] = keep_layout(file.read_text(encoding="utf-8"), model["content"])


def _header(old: str, new: str) -> str:
    """L'en-tête d'avant, s'il dit la même chose que le nouveau, aux versions près."""
    mine, other = HEADER.match(old), HEADER.match(new)
    if other is None or mine is None:
        return mine[0] if mine else ""
    meanings = []
    for text in (mine["yaml"], other["yaml"]):
        told: dict[str, Any] = yaml.safe_load(text)
        form = told.get("jupytext", {}).get("text_representation", {})
        for name in ("format_version", "jupytext_version"):
            form.pop(name, None)
        meanings.append(told)
    return mine[0] if meanings[0] == meanings[1] else other[0]


def _read(options: str) -> Any:
    """Ce que disent les réglages d'une cellule, quelle qu'en soit l'écriture."""
    if options.startswith("---"):
        return yaml.safe_load(options.strip().strip("-"))
    rows = re.findall(r"^:([\w-]+):(.*)$", options, re.MULTILINE)
    return yaml.safe_load("\n".join(f"{name}:{value}" for name, value in rows)) or {}


def rewritten(page: str) -> str:
    """Rend ce que jupytext, seul, écrit d'une page qu'on vient d'ouvrir."""
    return str(jupytext.writes(jupytext.reads(page, fmt=FORMAT), fmt=FORMAT))
