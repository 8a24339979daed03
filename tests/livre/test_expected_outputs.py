"""Les sorties de référence : stables d'une fois à l'autre, sans ce qui ne se compare pas."""

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from front_matter import HEADER
from livre import expected_outputs
from livre.expected_outputs import (
    IGNORED,
    chapters,
    clean,
    execute,
    main,
    reference_path,
    to_notebook,
)
from livre.kernels import use_local_sockets

SOURCE = (
    HEADER
    + """\
# Un titre

```{code-cell} ipython3
print("un", flush=True); print("deux", flush=True)
3
```

```{code-cell} ipython3
:tags: [nbval-ignore-output]

print("change")
```
"""
)


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Un livre d'une page, à la place du nôtre."""
    chapter = tmp_path / "chapters" / "a" / "un.md"
    chapter.parent.mkdir(parents=True)
    chapter.write_text(SOURCE, encoding="utf-8")
    monkeypatch.setattr(expected_outputs, "ROOT", tmp_path)
    monkeypatch.setattr(expected_outputs, "CHAPTERS", tmp_path / "chapters")
    monkeypatch.setattr(expected_outputs, "REFERENCES", tmp_path / "references")
    return chapter


def test_same_source_gives_the_same_notebook(book):
    first, second = to_notebook(book), to_notebook(book)
    assert first == second
    assert [cell["id"] for cell in first.cells] == ["cellule-0", "cellule-1", "cellule-2"]


def test_a_page_without_a_kernel_is_not_executed(book):
    quiz = book.with_name("quiz.md")
    quiz.write_text("# Un quiz\n\n:::{dropdown} Une réponse : kernelspec: non\nNon.\n:::\n")
    assert chapters() == [book]


def test_reference_is_beside_its_chapter(book, tmp_path):
    assert reference_path(book) == tmp_path / "references" / "a" / "un.ipynb"


def test_command_writes_the_reference(book, capsys):
    use_local_sockets()
    assert main(["absent", "un"]) == 0  # l'un des mots suffit
    assert "chapters/a/un.md" in capsys.readouterr().out
    notebook = nbformat.read(reference_path(book), as_version=4)
    nbformat.validate(notebook)
    _, code, ignored = notebook.cells
    assert code.outputs[0].text == "un\ndeux\n"
    assert code.outputs[1].data == {"text/plain": "3"}
    assert (code.execution_count, code.outputs[1].execution_count) == (1, 1)
    assert ignored.outputs == []
    assert ignored.execution_count == 2
    assert "language_info" not in notebook.metadata


def test_a_figure_keeps_its_output_whatever_the_terminal_says(book, monkeypatch):
    """Avec « agg » hérité du terminal, matplotlib n'afficherait rien dans le notebook."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    use_local_sockets()
    shown = 'import os; print(os.environ["MPLBACKEND"])\n3\n```'
    book.write_text(SOURCE.replace("3\n```", shown), encoding="utf-8")
    assert main(["un"]) == 0
    _, code, _ = nbformat.read(reference_path(book), as_version=4).cells
    assert "matplotlib_inline" in code.outputs[0].text


def test_an_error_stops_everything(book):
    use_local_sockets()
    book.write_text(SOURCE.replace("3\n```", "1 / 0\n```"), encoding="utf-8")
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute(to_notebook(book))
    with pytest.raises(SystemExit, match=r"(?s)ZeroDivisionError.*un\.md : la cellule ci-dessus"):
        main(["un"])
    assert not reference_path(book).exists()


def test_unknown_words_are_told(book, capsys):
    assert main(["vgg"]) == 2
    assert "vgg. Chapitres : un." in capsys.readouterr().out


def test_a_word_is_not_looked_for_in_the_place_of_the_repository(book, tmp_path, capsys):
    assert main([tmp_path.name]) == 2  # le dossier du dépôt peut s'appeler « reseaux »
    assert tmp_path.name in capsys.readouterr().out


def test_images_and_dates_are_left_out():
    image = nbformat.v4.new_output(
        "execute_result", {"image/png": "…", "text/plain": "<Figure>"}, execution_count=9
    )
    cell = nbformat.v4.new_code_cell(
        "x", outputs=[image], metadata={"execution": {"iopub": "midi"}}
    )
    tagged = nbformat.v4.new_code_cell("y", outputs=[image], metadata={"tags": [IGNORED]})
    kept, dropped = clean(nbformat.v4.new_notebook(cells=[cell, tagged])).cells
    assert kept.outputs[0].data == {"text/plain": "<Figure>"}
    assert kept.outputs[0].execution_count == 1
    assert "execution" not in kept.metadata
    assert dropped.outputs == []
