"""Les notebooks exportés : valides, complets, et qui disent d'où ils viennent."""

import shutil
import sys
from pathlib import Path

import nbformat
import pytest

from livre import notebooks
from livre.notebooks import export
from livre.repository import Repository

CELL = """```{code-cell} ipython3
---
mystnb:
  figure:
    name: fig-a
    caption: Une *courbe* {cite:p}`He16`.
tags: [hide-input]
---
x = 1
```

La {numref}`fig-a`.
"""


@pytest.fixture
def book(sources: Path, tmp_path: Path) -> Path:
    root = tmp_path / "livre"
    shutil.copytree(sources, root, ignore=shutil.ignore_patterns("_build"))
    (root / "accueil.md").write_text("# Accueil\n\nVoir {doc}`/a/un` et {numref}`fig-a`.\n")
    header, _, _ = (root / "a" / "un.md").read_text().partition("# Page un")
    (root / "a" / "un.md").write_text(f"{header}# Page un\n\n{CELL}")
    return root


def test_export(book: Path) -> None:
    exported = dict(export(book, Repository("github.com", "a/b")))
    assert list(exported) == ["accueil", "a/un", "a/bib"]
    for notebook in exported.values():
        nbformat.validate(notebook)
    home = "\n".join(cell.source for cell in exported["accueil"].cells)
    assert "Voir *Page un* et Figure 1 (page *Page un*)." in home
    cells = exported["a/un"].cells
    assert "cours « Petit livre »" in cells[0].source
    assert "git+https://github.com/a/b" in cells[1].source
    assert [cell.source for cell in cells[2:]] == [
        "# Page un",
        "x = 1",
        "**Figure 1.** Une *courbe* (He *et al.*, 2016).",
        "La Figure 1.",
    ]
    assert cells[3].metadata == {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}


def test_unknown_repository_gives_no_address(book: Path) -> None:
    exported = dict(export(book, None))
    del exported["a/bib"]  # ses publications ont des adresses
    for notebook in exported.values():
        assert "http" not in "\n".join(cell.source for cell in notebook.cells)


def test_errors_name_the_page(book: Path) -> None:
    (book / "accueil.md").write_text("# Accueil\n\n{doc}`/nulle/part`\n")
    with pytest.raises(ValueError, match=r"accueil .*nulle/part"):
        list(export(book, None))


def test_open_blocks_name_the_page_too(book: Path) -> None:
    (book / "accueil.md").write_text("# Accueil\n\n:::{note}\n")
    with pytest.raises(ValueError, match=r"accueil .*note"):
        list(export(book, None))


def test_site_holds_a_notebook_per_page(application) -> None:
    for page in ("accueil", "a/un", "a/bib"):
        file = Path(application.outdir) / notebooks.site_path(page)
        nbformat.validate(nbformat.read(file, as_version=4))


def test_command_line(book: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    folder = tmp_path / "sortie"
    monkeypatch.setattr(sys, "argv", ["notebooks", str(folder), "--racine", str(book)])
    assert notebooks.main() == 0
    written = sorted(str(file.relative_to(folder)) for file in folder.rglob("*.ipynb"))
    assert written == ["a/bib.ipynb", "a/un.ipynb", "accueil.ipynb"]
    assert "3 notebooks" in capsys.readouterr().out
    (book / "accueil.md").write_text("{inconnu}`x`")
    assert notebooks.main() == 1
    assert "inconnu" in capsys.readouterr().err
