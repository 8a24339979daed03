"""Rien de périmé : ni sortie, ni page, ni avertissement que la construction suivante tairait."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from livre import cache
from livre.cache import EXECUTION_INPUTS, choose_cache, fingerprint


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src" / "reseaux").mkdir(parents=True)
    (tmp_path / "src" / "reseaux" / "a.py").write_text("x = 1")
    (tmp_path / "requirements.txt").write_text("torch==2")
    (tmp_path / "page.md").write_text("Prose")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        *("src/reseaux/a.py", "requirements.txt", "src/reseaux/donnees.csv", "src/reseaux/b.py"),
        *("src/photos/a.py", "src/experiments/a.py"),  # des pages les importent aussi
    ],
)
def test_changes_that_count(root: Path, name: str) -> None:
    before = fingerprint(root, EXECUTION_INPUTS)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("autre chose")
    assert fingerprint(root, EXECUTION_INPUTS) != before


@pytest.mark.parametrize("name", ["page.md", "src/reseaux/a.pyc", "README.md", "src/reseaux/a.mo"])
def test_changes_that_do_not_count(root: Path, name: str) -> None:
    before = fingerprint(root, EXECUTION_INPUTS)
    (root / name).write_text("autre chose")
    assert fingerprint(root, EXECUTION_INPUTS) == before


def test_renaming_counts(root: Path) -> None:
    before = fingerprint(root, EXECUTION_INPUTS)
    (root / "src/reseaux/a.py").rename(root / "src/reseaux/c.py")
    assert fingerprint(root, EXECUTION_INPUTS) != before


def test_the_fingerprint_does_not_depend_on_the_order_of_a_set(root: Path) -> None:
    """Python range un ensemble autrement à chaque programme ; l'empreinte n'en sait rien."""
    for letter in "bcdefgh":
        (root / "src/reseaux" / f"{letter}.py").write_text(letter)
    code = (
        "import sys; from pathlib import Path; from livre import cache;"
        "print(cache.fingerprint(Path(sys.argv[1]), cache.EXECUTION_INPUTS))"
    )
    found = {fingerprint(root, EXECUTION_INPUTS)}
    for seed in "01":
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        words = [sys.executable, "-c", code, root]
        said = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        found.add(said.stdout.strip())
    assert len(found) == 1


def test_outputs_of_another_code_are_thrown_away(root: Path) -> None:
    app, config = SimpleNamespace(srcdir=root, outdir=root / "_build" / "html"), SimpleNamespace()
    choose_cache(app, config)
    first = Path(config.nb_execution_cache_path)
    first.mkdir(parents=True)
    choose_cache(app, config)
    assert Path(config.nb_execution_cache_path) == first
    assert first.exists()
    (root / "src" / "reseaux" / "a.py").write_text("x = 2")
    choose_cache(app, config)
    assert Path(config.nb_execution_cache_path) != first
    assert not first.exists()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Un livre de deux pages sans cellule."""
    (tmp_path / "a").mkdir()
    (tmp_path / "references.bib").touch()
    (tmp_path / "accueil.md").write_text("# Accueil\n\nVoir {doc}`/a/un`.\n")
    (tmp_path / "a" / "un.md").write_text("# Page un\n")
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: accueil\nchapters:\n  - file: a/un\n"
    )
    return tmp_path


def written(app) -> dict[str, int]:
    files = [*Path(app.outdir).rglob("*.html"), *Path(app.outdir).rglob("*.ipynb")]
    return {str(file.relative_to(app.outdir)): file.stat().st_mtime_ns for file in files}


def test_a_change_of_the_rendering_rewrites_every_page(book, build, monkeypatch, tmp_path) -> None:
    first = written(build(book)[0])
    again = written(build(book)[0])
    assert again["a/un.html"] == first["a/un.html"]
    copy = shutil.copytree(cache.PACKAGE, tmp_path / "paquet" / "livre")
    with (copy / "static" / "livre.css").open("a") as sheet:
        sheet.write("/* */")
    monkeypatch.setattr(cache, "PACKAGE", copy)
    last = written(build(book)[0])
    assert {name for name in ("accueil.html", "a/un.html") if last[name] > again[name]} == {
        "accueil.html",
        "a/un.html",
    }


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("un\n\n### Trop bas", "header level"),  # à la lecture
        ("{ref}`nulle-part`", "nulle-part"),  # une fois tout lu
        ("$\\inconnue$", "inconnue"),  # à l'écriture
        ("<br>", "<br>"),  # à l'export
    ],
)
def test_a_build_that_warned_warns_again(book, build, wrong, told) -> None:
    (book / "a" / "un.md").write_text(f"# Page un\n\nVoir {wrong}.\n")
    assert told in build(book)[1]
    assert told in build(book)[1]
    (book / "a" / "un.md").write_text("# Page un\n")
    assert build(book)[1] == ""


def test_a_build_cut_short_warns_again(book, build, monkeypatch) -> None:
    (book / "a" / "un.md").write_text("# Page un\n\n### Trop bas\n")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sphinx.builders.html.StandaloneHTMLBuilder.write_doc", interrupt)
        with pytest.raises(KeyboardInterrupt):
            build(book)
    assert "header level" in build(book)[1]


def test_a_page_that_is_gone_leaves_the_site(book, build) -> None:
    assert {"a/un.html", "notebooks/a/un.ipynb"} <= set(written(build(book)[0]))
    (book / "a" / "un.md").rename(book / "a" / "deux.md")
    (book / "accueil.md").write_text("# Accueil\n")
    (book / "_toc.yml").write_text((book / "_toc.yml").read_text().replace("a/un", "a/deux"))
    found = set(written(build(book)[0]))
    assert {"a/deux.html", "notebooks/a/deux.ipynb", "accueil.html"} <= found
    assert not {"a/un.html", "notebooks/a/un.ipynb"} & found
