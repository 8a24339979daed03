"""Enregistrer une page depuis JupyterLab n'en change que ce qu'on a changé."""

import json
from pathlib import Path
from types import SimpleNamespace

import jupytext
import pytest

from front_matter import HEADER
from livre.sources import FORMAT, before_save, keep_layout, rewritten

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(ROOT.glob("chapters/**/*.md"))
PAGE = (
    HEADER
    + """\
# Page

```{code-cell} ipython3
x = 1
```

```{code-cell} ipython3
---
mystnb:
  image:
    alt: >-
      Une courbe qui descend, et dont le texte de remplacement, plus long que quatre-vingts
      colonnes, tient sur deux lignes.
tags: [hide-input]
---
x
```

```{code-cell} ipython3
:tags: [hide-cell, verification]

assert x
```
"""
)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_opening_and_saving_a_page_changes_no_byte(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert keep_layout(text, rewritten(text)) == text


def test_jupytext_alone_would_change_it() -> None:
    assert "jupytext_version" in rewritten(PAGE)
    assert ">-" not in rewritten(PAGE)


def edited(change) -> str:
    """La page, une fois le notebook changé, telle que JupyterLab l'enregistre."""
    notebook = jupytext.reads(PAGE, fmt=FORMAT)
    change(notebook.cells)
    return keep_layout(PAGE, jupytext.writes(notebook, fmt=FORMAT))


def test_only_what_was_changed_changes() -> None:
    def rename(cells):
        cells[0]["source"] = "# Autre page"
        cells[2]["source"] = "2 * x"

    assert edited(rename) == PAGE.replace("# Page", "# Autre page").replace("\nx\n", "\n2 * x\n")


def test_a_cell_more_or_less_does_not_disturb_the_others() -> None:
    plain = "```{code-cell} ipython3\nx = 1\n```\n\n"
    new = jupytext.reads(PAGE, fmt=FORMAT).cells[1]
    assert edited(lambda cells: cells.insert(1, new)) == PAGE.replace(plain, 2 * plain)
    assert edited(lambda cells: cells.pop(1)) == PAGE.replace(plain, "")


def test_a_setting_that_changes_is_saved() -> None:
    def retag(cells):
        cells[3]["metadata"]["tags"] = ["hide-cell"]

    assert edited(retag) == PAGE.replace("[hide-cell, verification]", "[hide-cell]")


def test_another_kernel_is_saved() -> None:
    notebook = jupytext.reads(PAGE, fmt=FORMAT)
    notebook.metadata["kernelspec"]["name"] = "autre"
    saved = keep_layout(PAGE, jupytext.writes(notebook, fmt=FORMAT))
    assert "  name: autre\n" in saved


def test_a_page_without_a_header_keeps_none() -> None:
    quiz = "# Quiz\n\n:::{dropdown} Oui\nTexte.\n:::\n"
    assert rewritten(quiz).startswith("---")
    assert keep_layout(quiz, rewritten(quiz)) == quiz


def test_only_what_jupytext_rewrote_is_touched(tmp_path: Path) -> None:
    def saved(name: str, text: str, kind: str = "file") -> str:
        model = {"type": kind, "content": text}
        before_save(model, f"/{name}", contents_manager=SimpleNamespace(root_dir=str(tmp_path)))
        return model["content"]

    (tmp_path / "page.md").write_text(PAGE, encoding="utf-8")
    assert saved("page.md", rewritten(PAGE)) == PAGE
    by_hand = PAGE.replace("tags: [hide-input]", "tags: ['hide-input']")
    assert saved("page.md", by_hand) == by_hand
    assert saved("nouvelle.md", rewritten(PAGE)) == rewritten(PAGE)
    assert saved("page.md", rewritten(PAGE), "notebook") == rewritten(PAGE)
    (tmp_path / "page.py").write_text(PAGE, encoding="utf-8")
    assert saved("page.py", rewritten(PAGE)) == rewritten(PAGE)


def test_a_page_opens_as_a_notebook() -> None:
    file = ROOT / "src" / "livre" / "jupyterlab" / "overrides.json"
    viewers = json.loads(file.read_text())["@jupyterlab/docmanager-extension:plugin"]
    assert viewers == {
        "defaultViewers": {"markdown": "Jupytext Notebook", "myst": "Jupytext Notebook"}
    }
