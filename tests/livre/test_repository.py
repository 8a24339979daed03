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


@pytest.mark.parametrize(
    ("place", "site"),
    [
        (Repository("github.com", "A/b"), "https://a.github.io/b/"),
        (Repository("github.com", "A/a.github.io"), "https://a.github.io/"),
        (Repository("gitlab.com", "groupe/sous/b"), "https://groupe.gitlab.io/sous/b/"),
        (Repository("depots.example.org", "a/b"), ""),
        (Repository("github.com", "a/b", address="https://cours.example.org"),
         "https://cours.example.org/"),
    ],
)  # fmt: skip
def test_the_site_is_where_the_forge_publishes_it(place: Repository, site: str) -> None:
    assert place.site == site


SENT = "0123456789" * 4


def test_the_forge_tells_the_commit_and_the_site(tmp_path: Path) -> None:
    actions = {"GITHUB_REPOSITORY": "a/b", "GITHUB_SHA": SENT}
    assert find(tmp_path, actions) == Repository("github.com", "a/b", SENT)
    pages = {
        "CI_PROJECT_URL": "https://gitlab.example.org/a/b",
        "CI_COMMIT_SHA": SENT,
        "CI_PAGES_URL": "https://a.pages.example.org/b",
    }
    found = find(tmp_path, pages)
    assert found == Repository("gitlab.example.org", "a/b", SENT, "https://a.pages.example.org/b")
    assert found.install == f"https://gitlab.example.org/a/b@{SENT}"
    stated = {**actions, "LIVRE_ADRESSE": "https://cours.example.org/", "GITHUB_SHA": "v1"}
    assert find(tmp_path, stated).site == "https://cours.example.org/"
    assert find(tmp_path, stated).install == "https://github.com/a/b"


def test_a_commit_that_was_not_sent_is_not_named(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        command = ["git", *identity, *words]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "un")
    git("remote", "add", "origin", "https://github.com/a/b.git")
    assert find(tmp_path, {}).commit == ""
    commit = git("rev-parse", "HEAD")
    git("update-ref", "refs/remotes/origin/main", commit)
    assert find(tmp_path, {}).commit == commit
    assert find(tmp_path, {"LIVRE_DEPOT": "https://github.com/c/d"}).commit == ""
    git("commit", "-q", "--allow-empty", "-m", "deux")
    assert find(tmp_path, {}).commit == ""
