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
    origin, title, code, caption, check, cited = notebook.cells
    assert "cours «\u00a0Petit livre\u00a0»" in origin.source
    assert 'pip install -e ".[notebooks]"' in origin.source
    assert title.source.startswith("# Page *deux*\n\n$$\nz\n$$\n\n$$\nx \\tag{1}\n$$")
    # Repliées dans JupyterLab par une clé, dans Colab par l'autre, qui montre le titre.
    hidden = {"source_hidden": True, "outputs_hidden": True}
    folded = {"jupyter": hidden, "cellView": "form", "collapsed": True}
    assert code.source.startswith("# @title Solution\nfrom IPython.display import Image")
    assert code.metadata == {"tags": ["hide-cell"], **folded}
    assert check.source == "# @title Vérification\nassert dot"
    assert check.metadata == {"tags": ["hide-cell", "verification"], **folded}
    link = "[He *et al.*, 2016](https://doi.org/10.1/x)"
    assert caption.source == f"**Figure 2.** Une *courbe* ({link})."
    assert cited.source.startswith("## Références\n\n- Kaiming He")
    assert "\n" not in cited.source.partition("- ")[2]
    assert [cell.id for cell in notebook.cells] == [f"cellule-{n}" for n in range(6)]
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
        "> **Exercice 1**\n>\n> La Figure 1, Figure 2 (page [*Page deux*](deux.ipynb)) et Tableau",
        "<summary>Solution de l’exercice 1</summary>\n\nCelle de *Une section*.",
    ):
        assert part in text
    bibliography = export(application, "a/bib")
    text = "\n".join(sources(bibliography))
    assert "Références" not in text
    assert "reseaux" not in bibliography.cells[0].source  # rien à y exécuter
    assert "**un**  \n*one*." in text
    assert text.count("\n- ") == 3


def test_outputs_are_those_of_the_site(application, pages) -> None:
    _, _, figure, _, check, _ = export(application, "a/deux").cells
    (output,) = figure.outputs
    assert figure.execution_count == output.execution_count == 1
    assert output.data["image/png"].startswith("iVBORw0KGgo")
    assert pages["a/deux"].select("img[src*=_images]")
    assert (check.outputs, check.execution_count) == ([], 2)


def test_an_output_can_be_seen_unless_it_gives_the_answer(application) -> None:
    (figure,) = [cell for cell in export(application, "a/un").cells if cell.cell_type == "code"]
    assert figure.outputs
    assert figure.metadata["jupyter"] == {"source_hidden": True}


def test_warnings_of_the_libraries_stay_out(application, monkeypatch) -> None:
    def noisy(_cache, notebook):
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = [
                    nbformat.v4.new_output("stream", name=name, text="x")
                    for name in ("stderr", "stdout")
                ]
        return 0, notebook

    monkeypatch.setattr(
        "jupyter_cache.cache.main.JupyterCacheBase.merge_match_into_notebook", noisy
    )
    (figure,) = [cell for cell in export(application, "a/un").cells if cell.cell_type == "code"]
    assert [output.name for output in figure.outputs] == ["stdout"]


def test_a_page_that_failed_has_no_output(application, monkeypatch) -> None:
    def nothing(_cache, _notebook):
        raise KeyError

    monkeypatch.setattr(
        "jupyter_cache.cache.main.JupyterCacheBase.merge_match_into_notebook", nothing
    )
    (figure,) = [cell for cell in export(application, "a/un").cells if cell.cell_type == "code"]
    assert (figure.outputs, figure.execution_count) == ([], None)


def test_a_known_repository_is_named_and_installed(application, monkeypatch) -> None:
    for page in ("accueil", "a/un"):
        assert "github" not in "\n".join(sources(export(application, page)))
    commit = "0123456789" * 4
    place = Repository("github.com", "a/b", commit)
    monkeypatch.setattr(application.config, "livre_repository", place)
    origin, install, *rest = sources(export(application, "a/un"))
    assert "([a/b](https://github.com/a/b))" in origin
    assert "[à lire en ligne](https://a.github.io/b/a/un.html)" in origin
    address = f"git+https://github.com/a/b@{commit}"
    assert f'"reseaux-existants[cellules,grappe] @ {address}"' in install
    assert "(https://a.github.io/b/a/deux.html#fig-deux)" in "\n".join(rest)
    prose = export(application, "a/bib").cells
    assert [cell.cell_type for cell in prose if cell.cell_type == "code"] == []
    assert "L'installation" not in prose[0].source


def test_a_server_without_pages_keeps_the_links_between_notebooks(application, monkeypatch) -> None:
    place = Repository("depots.example.org", "a/b")
    monkeypatch.setattr(application.config, "livre_repository", place)
    text = "\n".join(sources(export(application, "a/un")))
    assert "(deux.ipynb)" in text
    assert "@ git+https://depots.example.org/a/b" in text
    assert "à lire en ligne" not in text


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
        ("{inconnu}`x`\n\n```{code-cell}\n1\n```\n\n{doc}`/nulle`", "inconnu}`x`\n"),
        ("{inconnu}`x`\n\n```{code-cell}\n1\n```\n\n{doc}`/nulle`", "inconnue : nulle"),
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
    known = ("domains", "titles", "toc_fignumbers", "myst_config", "mystnb_config")
    env = SimpleNamespace(
        **{name: getattr(application.env, name) for name in known},
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
