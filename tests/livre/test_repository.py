"""L'adresse du dépôt et les boutons : exacts, ou absents."""

from pathlib import Path

import pytest

from livre.launch import links
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


@pytest.mark.parametrize("address", ["", "/srv/depots/projet", "../projet", "C:\\projet", "origin"])
def test_local_addresses_are_ignored(address: str) -> None:
    assert parse(address) is None


def test_nothing_is_made_up(tmp_path: Path) -> None:
    assert find(tmp_path, {}) is None


def test_environment_comes_first(tmp_path: Path) -> None:
    actions = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b"}
    assert find(tmp_path, actions) == Repository("github.com", "a/b")
    stated = {**actions, "LIVRE_DEPOT": "https://gitlab.com/groupe/sous/projet"}
    assert find(tmp_path, stated) == Repository("gitlab.com", "groupe/sous/projet")


def test_links_on_github() -> None:
    urls = links(Repository("github.com", "a/b"), "chapters/classiques/vgg")
    file = "chapters/classiques/vgg.ipynb"
    assert urls == {
        "Colab": f"https://colab.research.google.com/github/a/b/blob/notebooks/{file}",
        "Binder": f"https://mybinder.org/v2/gh/a/b/notebooks?urlpath=lab/tree/{file}",
    }


def test_colab_only_reads_github() -> None:
    assert list(links(Repository("gitlab.com", "a/b"), "p")) == ["Binder"]
