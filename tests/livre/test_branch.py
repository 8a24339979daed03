"""La branche des notebooks, publiée pour de vrai vers un dépôt nu."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from livre import branch
from livre.branch import BRANCH, main, publish

ROOT = Path(__file__).resolve().parents[2]
TRACKED = {
    "src/paquet/__init__.py": "",
    "binder/requirements.txt": "-e .\n",
    "LICENSE": "BSD",
    "pyproject.toml": "[project]\n",
    "README.md": "# Celui des auteurs\n",
    "_config.yml": "# Réglages.\ntitle: Cours d'essai\n",
    "chapters/a.md": "# Page\n",
    "tests/test_a.py": "",
    ".github/workflows/publier.yml": "name: Publier\n",
}
UNTRACKED = ("src/paquet/__pycache__/__init__.pyc", "src/brouillon.py", "chapters/secret.txt")


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *words]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Un dépôt d'auteur, ses fichiers suivis et les autres, et ses notebooks construits."""
    root = tmp_path / "livre"
    for name, text in {**TRACKED, **dict.fromkeys(UNTRACKED, "")}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    git(root, "init", "-q")
    git(root, "config", "core.autocrlf", "input")  # git ne récrit pas pour autant un notebook
    git(root, "add", *TRACKED)
    git(root, "commit", "-q", "-m", "un")
    (root / "_build/notebooks/chapters").mkdir(parents=True)
    (root / "_build/notebooks/chapters/a.ipynb").write_text("{}\r\n", encoding="utf-8")
    (root / "_build/notebooks/chapters/.DS_Store").write_text("", encoding="utf-8")
    return root


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "--bare", "publie.git")
    return tmp_path / "publie.git"


def test_a_publication_to_a_bare_repository(book: Path, bare: Path) -> None:
    before = git(book, "status", "--porcelain", "--ignored")
    publish(book / "_build/notebooks", str(bare), book)
    assert set(git(bare, "ls-tree", "-r", "--name-only", BRANCH).splitlines()) == {
        *("src/paquet/__init__.py", "binder/requirements.txt", "LICENSE", "pyproject.toml"),
        *("README.md", "chapters/a.ipynb"),
    }
    readme = git(bare, "show", f"{BRANCH}:README.md")
    assert readme.startswith("# Cours d'essai\n")
    assert f"`{git(book, 'rev-parse', 'HEAD')}`" in readme
    assert git(bare, "cat-file", "-s", f"{BRANCH}:chapters/a.ipynb") == "4"  # octet pour octet
    # Le dépôt des auteurs n'a rien vu passer.
    assert git(book, "status", "--porcelain", "--ignored") == before
    assert git(book, "branch", "--list") == "* " + git(book, "branch", "--show-current")


def test_a_publication_replaces_the_one_before(book: Path, bare: Path) -> None:
    first = publish(book / "_build/notebooks", str(bare), book)
    (book / "_build/notebooks/chapters/a.ipynb").rename(book / "_build/notebooks/b.ipynb")
    second = publish(book / "_build/notebooks", str(bare), book)
    assert first != second == git(bare, "rev-parse", BRANCH)
    assert git(bare, "rev-list", "--count", BRANCH) == "1"
    names = git(bare, "ls-tree", "-r", "--name-only", BRANCH).splitlines()
    assert "b.ipynb" in names
    assert "chapters/a.ipynb" not in names


def test_what_stops_a_publication_says_what_to_do(book, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(branch, "publish", lambda *words: publish(*words, book))
    assert "make notebooks" in (main([str(tmp_path / "vide"), "origin"]) or "")
    told = main([str(book / "_build/notebooks"), str(tmp_path / "absent.git")]) or ""
    assert told.startswith("git push a échoué : ")
    assert "absent.git" in told
    assert "usage" in (main([]) or "")
    assert capsys.readouterr().out == ""


def test_a_title_is_not_required(book: Path, bare: Path) -> None:
    (book / "_config.yml").write_text('author: ""\n', encoding="utf-8")
    publish(book / "_build/notebooks", str(bare), book)
    assert git(bare, "show", f"{BRANCH}:README.md").startswith("# Les notebooks du cours\n")


def test_the_branch_of_this_course_can_be_installed(bare, tmp_path, monkeypatch, capsys) -> None:
    """Tout ce que pip lit y est ; rien de ce que git ne suit pas."""
    objects = (ROOT / git(ROOT, "rev-parse", "--git-path", "objects")).resolve()
    (tmp_path / "objets").mkdir()
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "objets"))
    monkeypatch.setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", str(objects))
    (tmp_path / "n.ipynb").write_text("{}", encoding="utf-8")
    commit = branch.write(tmp_path)
    names = git(ROOT, "ls-tree", "-r", "--name-only", commit).splitlines()
    project = tomllib.loads(git(ROOT, "show", f"{commit}:pyproject.toml"))
    needed = [project["project"]["readme"], *project["project"]["license-files"]]
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        needed.append(f"{package}/__init__.py")
    assert {*needed, "binder/requirements.txt", "n.ipynb"} <= set(names)
    tracked = set(git(ROOT, "ls-tree", "-r", "--name-only", "HEAD").splitlines())
    assert set(names) <= tracked | {"n.ipynb"}
    roots = {name.split("/")[0] for name in names}
    assert roots == {"src", "binder", "LICENSE", "pyproject.toml", "README.md", "n.ipynb"}
