"""L'adresse du dépôt : exacte, ou absente."""

import subprocess
from pathlib import Path

import pytest

from livre.repository import Repository, find, parse


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/compte/projet",
        "https://github.com/compte/projet.git",
        "https://x-access-token:secret@github.com/compte/projet.git",
        "git@github.com:compte/projet.git",
        "ssh://git@github.com/compte/projet.git",
    ],
)
def test_forms_of_one_address(address: str) -> None:
    assert parse(address) == Repository("github.com", "compte/projet")


@pytest.mark.parametrize(
    "address",
    [
        *("", "/srv/depots/projet", "../projet", "C:\\projet", "origin"),
        *("https://127.0.0.1/compte/projet", "http://10.1.2.3:8080/compte/projet"),
        *("git@192.168.0.1:compte/projet.git", "https://forge/compte/projet"),
    ],
)
def test_local_addresses_are_ignored(address: str) -> None:
    """Un dossier, ou un serveur que seul un réseau privé connaît."""
    assert parse(address) is None


def test_nothing_is_made_up(tmp_path: Path) -> None:
    assert find(tmp_path, {}) is None


def test_environment_comes_first(tmp_path: Path) -> None:
    actions = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b"}
    assert find(tmp_path, actions) == Repository("github.com", "a/b")
    stated = {**actions, "LIVRE_DEPOT": "https://gitlab.com/groupe/sous/projet"}
    assert find(tmp_path, stated) == Repository("gitlab.com", "groupe/sous/projet")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("git@github.com:a/b.git", Repository("github.com", "a/b")),
        ("https://gitlab.exemple.org/a/b", Repository("gitlab.exemple.org", "a/b")),
        ("https://depots.exemple.org/a/b", None),  # peut-être pas public
    ],
)
def test_git_is_asked_last(tmp_path: Path, address: str, found: Repository | None) -> None:
    for words in (["init", "-q"], ["remote", "add", "origin", address]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    assert find(tmp_path, {}) == found
