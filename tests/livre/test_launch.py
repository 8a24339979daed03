"""Les boutons d'une page : exacts, ou absents."""

from types import SimpleNamespace

from livre.launch import add_links, links
from livre.repository import Repository


def test_links_on_github() -> None:
    urls = links(Repository("github.com", "a/b"), "chapters/classiques/vgg")
    file = "chapters/classiques/vgg.ipynb"
    assert urls == {
        "Colab": f"https://colab.research.google.com/github/a/b/blob/notebooks/{file}",
        "Binder": f"https://mybinder.org/v2/gh/a/b/notebooks?urlpath=lab/tree/{file}",
    }


def test_colab_only_reads_github() -> None:
    assert list(links(Repository("gitlab.com", "a/b"), "p")) == ["Binder"]


def test_any_other_server_opens_in_binder():
    assert links(Repository("depots.example.org", "a/b"), "p") == {
        "Binder": "https://mybinder.org/v2/git/https%3A%2F%2Fdepots.example.org%2Fa%2Fb/notebooks"
        "?urlpath=lab/tree/p.ipynb"
    }


def context(application, page: str) -> dict:
    """Ce que les gabarits d'une page reçoivent quand le dépôt est connu."""
    config = SimpleNamespace(livre_repository=Repository("github.com", "a/b"))
    found: dict = {}
    add_links(SimpleNamespace(config=config, env=application.env), page, "", found, None)
    return found


def test_only_pages_with_code_are_launched(application):
    assert set(context(application, "a/un")["livre_launch"]) == {"Colab", "Binder"}
    prose = context(application, "accueil")
    assert (prose["livre_launch"], prose["livre_repository"]) == ({}, "https://github.com/a/b")
    assert prose["livre_notebook"] == "notebooks/accueil.ipynb"
    assert context(application, "search")["livre_notebook"] == ""


def test_unknown_repository_leaves_only_the_download(pages):
    header = pages["a/un"].select_one(".article-header-buttons")
    assert not header.select(".livre-lancer, .livre-depot")
    assert header.select_one("a.livre-notebook[download]")["href"] == "../notebooks/a/un.ipynb"
