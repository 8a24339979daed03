"""Les boutons d'une page : exacts, ou absents."""

from livre.launch import links
from livre.repository import Repository


def test_links_on_github() -> None:
    urls = links(Repository("github.com", "a/b"), "chapters/classiques/vgg")
    file = "chapters/classiques/vgg.ipynb"
    assert urls == {
        "Colab": f"https://colab.research.google.com/github/a/b/blob/notebooks/{file}",
        "Binder": f"https://mybinder.org/v2/gh/a/b/notebooks?urlpath=lab/tree/{file}",
    }


def test_colab_only_reads_github() -> None:
    assert links(Repository("gitlab.com", "a/b"), "p") == {
        "Binder": "https://mybinder.org/v2/gl/a%2Fb/notebooks?urlpath=lab/tree/p.ipynb"
    }


def test_any_other_server_opens_in_binder():
    assert links(Repository("depots.example.org", "a/b"), "p") == {
        "Binder": "https://mybinder.org/v2/git/https%3A%2F%2Fdepots.example.org%2Fa%2Fb/notebooks"
        "?urlpath=lab/tree/p.ipynb"
    }


def test_buttons_of_a_published_book(published):
    """Une page de code s'ouvre ailleurs ; une page de prose n'a que le lien vers le dépôt."""
    for page, services in {
        "a/un": links(Repository("github.com", "a/b"), "a/un"),
        "a/bib": {},
    }.items():
        header = published[page].select_one(".article-header-buttons")
        shown = {a.get_text(strip=True): a["href"] for a in header.select("a.livre-lancer")}
        assert shown == services
        assert header.select_one("a.livre-depot")["href"] == "https://github.com/a/b"


def test_unknown_repository_leaves_only_the_download(pages):
    header = pages["a/un"].select_one(".article-header-buttons")
    assert not header.select(".livre-lancer, .livre-depot")
    assert header.select_one("a.livre-notebook[download]")["href"] == "../notebooks/a/un.ipynb"
