"""Les notebooks exportés : valides, complets, et qui disent d'où ils viennent."""

from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from livre import notebooks
from livre.notebooks import export
from livre.repository import Repository


def sources(notebook) -> list[str]:
    return [cell.source for cell in notebook.cells]


def test_export(application) -> None:
    notebook = export(application, "a/deux")
    nbformat.validate(notebook)
    origin, title, code, caption, check = notebook.cells
    assert "cours « Petit livre »" in origin.source
    assert "pip install -e ." in origin.source
    assert title.source.startswith("# Page *deux*\n\n$$\nz\n$$\n\n$$\nx \\tag{1}\n$$")
    # Repliées dans JupyterLab par une clé, dans Colab par l'autre, qui montre le titre.
    folded = {"jupyter": {"source_hidden": True}, "cellView": "form"}
    assert code.source.startswith("# @title Solution\nfrom IPython.display import Image")
    assert code.metadata == {"tags": ["hide-cell"], **folded}
    assert check.source == "# @title Vérification\nassert dot"
    assert check.metadata == {"tags": ["hide-cell", "verification"], **folded}
    assert caption.source == "**Figure 2.** Une *courbe* (He *et al.*, 2016)."
    assert [cell.id for cell in notebook.cells] == [f"cellule-{n}" for n in range(5)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert notebook.metadata["kernelspec"] == kernel


def test_every_form_of_the_page_is_in_its_notebook(application) -> None:
    notebook = export(application, "a/un")
    hidden = [c.metadata.get("jupyter") for c in notebook.cells if c.cell_type == "code"]
    assert hidden == [{"source_hidden": True}]
    text = "\n".join(sources(notebook))
    for part in (
        *("> **Avertissement**", "x^2", "\\tag{1}", '```python\nprint("du code")'),
        *("**Tableau 1.** Des *nombres*.", "| 1 | (1) |", "**Figure 1.**"),
        "> **Exercice 1**\n>\n> La Figure 1, Figure 2 (page *Page deux*) et Tableau 1.",
        "<summary>Solution de l&#x27;exercice 1</summary>\n\nCelle de *Une section*.",
    ):
        assert part in text
    text = "\n".join(sources(export(application, "a/bib")))
    assert "**un**  \n*one*." in text
    assert text.count("\n- ") == 3


def test_a_known_repository_is_named_and_installed(application, monkeypatch) -> None:
    for page in ("accueil", "a/un"):
        assert "http" not in "\n".join(sources(export(application, page)))
    monkeypatch.setattr(application.config, "livre_repository", Repository("github.com", "a/b"))
    origin, install, *_ = sources(export(application, "a/un"))
    assert "([a/b](https://github.com/a/b))" in origin
    assert '"reseaux-existants[cellules,grappe] @ git+https://github.com/a/b"' in install


def test_site_holds_a_notebook_per_page(application) -> None:
    folder = Path(application.outdir) / notebooks.SITE_FOLDER
    found = {str(file.relative_to(folder).with_suffix("")) for file in folder.rglob("*.ipynb")}
    assert found == application.env.found_docs
    for page in found:
        file = Path(application.outdir) / notebooks.site_path(page)
        assert nbformat.read(file, as_version=4) == export(application, page)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<br>", "<br>"),
        ("![chat](absente.png)", "absente.png"),
        ("```{code-cell}\n---\nmystnb:\n  figure:\n    name: fig-x\n---\n1\n```", "fig-x"),
        ("```{code-cell}\n---\nmystnb:\n  figure:\n    caption: Vue\n---\n1\n```", "sans nom"),
    ],
)
def test_what_cannot_be_exported_is_a_warning_that_names_the_page(
    application, tmp_path, caplog, text, told
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{text}\n")
    env = SimpleNamespace(
        **{
            name: getattr(application.env, name) for name in ("domains", "titles", "toc_fignumbers")
        },
        found_docs={"a/fausse"},
        doc2path=lambda _: page,
    )
    app = SimpleNamespace(
        env=env,
        config=application.config,
        srcdir=tmp_path,
        outdir=tmp_path,
        builder=application.builder,
    )
    with caplog.at_level("WARNING"):
        notebooks.add_to_site(app, None)
    assert told in caplog.text
    assert "a/fausse" in caplog.text
    assert not list(tmp_path.rglob("*.ipynb"))


def test_a_failed_build_writes_nothing(tmp_path, application) -> None:
    app = SimpleNamespace(outdir=tmp_path, builder=application.builder)
    notebooks.add_to_site(app, RuntimeError())
    assert not list(tmp_path.iterdir())
