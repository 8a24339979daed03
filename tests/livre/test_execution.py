"""L'exécution des chapitres, plusieurs à la fois, et leur rangement dans le cache."""

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_cache import get_cache
from myst_nb.core.config import NbParserConfig
from myst_parser.config.main import MdParserConfig

from livre import execution
from livre.kernels import use_local_sockets

HEAD = """---
jupytext:
  text_representation:
    format_name: myst
kernelspec:
  display_name: Python 3
  name: python3
---
"""
CELL = "```{{code-cell}} ipython3\n{}\n```\n"


@pytest.fixture
def book(tmp_path):
    """Un livre de trois pages : deux qui s'exécutent, une qui échoue."""
    for name, code in {
        "un": "print(1)",
        "deux": "open('ici', 'w').close()",
        "faux": "1 / 0",
    }.items():
        (tmp_path / f"{name}.md").write_text(HEAD + CELL.format(code), encoding="utf-8")
    (tmp_path / "prose.md").write_text("# Sans code\n", encoding="utf-8")
    app = SimpleNamespace(srcdir=tmp_path)
    env = SimpleNamespace(
        mystnb_config=NbParserConfig(
            execution_mode="cache", execution_cache_path=str(tmp_path / "cache")
        ),
        myst_config=MdParserConfig(),
        doc2path=lambda page: str(tmp_path / f"{page}.md"),
    )
    return app, env


def cached(env) -> set[str]:
    records = get_cache(env.mystnb_config.execution_cache_path).list_cache_records()
    return {Path(record.uri).stem for record in records}


def test_pages_are_executed_once_and_failures_are_left_out(book, monkeypatch, caplog):
    app, env = book
    use_local_sockets()
    monkeypatch.setattr(execution, "logger", logging.getLogger("essai"))
    caplog.set_level(logging.INFO, "essai")
    execution.execute_missing(app, env, ["un", "deux", "faux", "prose"])
    assert cached(env) == {"un", "deux"}
    assert (app.srcdir / "ici").exists(), "une page s'exécute dans son dossier"
    said = [record.getMessage().split(" en ")[0] for record in caplog.records]
    # Les plus longues d'abord.
    assert said == ["deux.md : exécuté", "un.md : exécuté", "faux.md : échec, à reprendre"]

    played = []
    original = execution.single_nb_execution

    def spy(notebook, **options):
        played.append((notebook.cells[0].source, options["timeout"]))
        return original(notebook, **options)

    monkeypatch.setattr(execution, "single_nb_execution", spy)
    env.mystnb_config = env.mystnb_config.copy(execution_timeout=77)
    execution.execute_missing(app, env, ["un", "deux", "faux"])
    assert played == [("1 / 0", 77)]


def test_nothing_is_executed_when_the_book_says_so(book):
    app, env = book
    folder = env.mystnb_config.execution_cache_path
    env.mystnb_config = NbParserConfig(execution_mode="off", execution_cache_path=folder)
    execution.execute_missing(app, env, ["un"])
    assert not Path(folder).exists()


def test_what_a_library_complains_of_stays_out_of_the_page(tmp_path, build):
    (tmp_path / "references.bib").touch()
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: accueil\n")
    code = "import sys\nprint('le résultat')\nprint(6 * 7, 'plaintes', file=sys.stderr)"
    (tmp_path / "accueil.md").write_text(
        f"{HEAD}\n# Accueil\n\n{CELL.format(code)}", encoding="utf-8"
    )
    app, warnings = build(tmp_path)
    page = (Path(app.outdir) / "accueil.html").read_text(encoding="utf-8")
    assert warnings == ""
    assert "le résultat\n" in page
    assert "42 plaintes" not in page
