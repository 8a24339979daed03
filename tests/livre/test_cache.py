"""L'empreinte dont dépend l'exécution : sensible au code et aux versions, à rien d'autre."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from sphinx.application import ENV_PICKLE_FILENAME

from livre.cache import EXECUTION_INPUTS, fingerprint, forget_failed_build


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


@pytest.mark.parametrize(
    ("error", "warnings", "kept"),
    [(None, 0, True), (None, 1, False), (RuntimeError("panne"), 0, False)],
)
def test_a_build_that_warned_is_forgotten(tmp_path, error, warnings, kept) -> None:
    (tmp_path / ENV_PICKLE_FILENAME).write_bytes(b"")
    app = SimpleNamespace(doctreedir=tmp_path, _warncount=warnings)
    forget_failed_build(app, error)
    assert (tmp_path / ENV_PICKLE_FILENAME).exists() == kept
