"""Un petit site, construit une fois avec les réglages du livre : chaque forme de MyST y est."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from front_matter import HEADER

ROOT = Path(__file__).resolve().parents[2]

BIB = """@inproceedings{He16, author={He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing},
title={Deep Residual Learning}, booktitle={Actes}, pages={770--778}, year={2016}, doi={10.1/x}}
@article{Tan19, author={Tan, Mingxing and Le, Quoc V.}, title={Eff}, journal={Revue},
volume={3}, number={2}, year={2019}, note={Prix du jury}, url={https://example.org/a}}
@misc{Lin13, author={Lin, Min}, title={Network in Network}, howpublished={arXiv}, year={2013},
eprint={1312.4400}}
"""
FIGURE = """```{code-cell} ipython3
---
mystnb:
  image:
    alt: Un point.
  figure:
    name: NAME
    caption: Une *courbe* {cite:p}`He16`.
tags: [hide-input]
---
from IPython.display import Image
import base64
dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
Image(data=base64.b64decode(dot), format="png")
```
"""
CHECK = """
```{code-cell} ipython3
:tags: [hide-cell, verification]

assert dot
```
"""
PAGES = {
    "accueil": """# Accueil

## Une section

Voir {doc}`/a/un`, {cite:p}`He16,Tan19` et {cite:t}`Lin13`.
""",
    "a/un": HEADER
    + """# Page un

Un `mot rare`, des **mots rares**, {doc}`un mot rare <deux>`, deux mots rares, un Mot
rare.

(sec)=
## Une *section*

:::{warning}
Une formule, $x^2$, puis une autre.
:::

$$
y = x
$$ (eq-y)

```python
print("du code")
```

:::{table} Des *nombres*.
:name: tab-un

| a | b |
|---|---|
| 1 | {eq}`eq-y` |
:::

"""
    + FIGURE.replace("NAME", "fig-un")
    + """
:::{admonition} Exercice 1
La {numref}`fig-un`, {numref}`fig-deux` et {numref}`tab-un`.
:::

:::{dropdown} Solution de l'exercice 1
Celle de {ref}`sec`.
:::
""",
    "a/deux": HEADER
    + """# Page *deux*

$$
z
$$

$$
x
$$ (eq-x)

$$
y
$$ (eq-z)

"""
    + FIGURE.replace("NAME", "fig-deux").replace("hide-input", "hide-cell")
    + CHECK,
    "a/trois": """# Page d'un mot : trois

```python
l'un : deux
```

## Sans légende d'un & autre

| a | b |
|---|---|
| 1 | 2 |
""",
    "a/bib": """# Bibliographie

```{glossary}
un
  *one*.

deux
  Voir {doc}`deux`.

mot rare
  *rare word*. Un mot qui
  se définit.
```

```{bibliography}
```
""",
}
TOC = "format: jb-book\nroot: accueil\nchapters:\n" + "".join(
    f"  - file: {name}\n" for name in PAGES if name != "accueil"
)


@pytest.fixture(scope="session")
def sources(tmp_path_factory) -> Path:
    """Les fichiers du petit livre ; à ne pas changer."""
    root = tmp_path_factory.mktemp("livre")
    for name, text in PAGES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / f"{name}.md").write_text(text, encoding="utf-8")
    (root / "_toc.yml").write_text(TOC)
    (root / "references.bib").write_text(BIB)
    return root


def build_book(root: Path, repository: str = "", output: str = "html") -> tuple[Sphinx, str]:
    """Construit le livre de ``root`` ; rend l'application Sphinx et ses avertissements."""
    book = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config = {
        **book["sphinx"]["config"],
        "html_title": "Petit livre",
        "html_theme": "sphinx_book_theme",
        "locale_dirs": [str(ROOT / "src" / "livre" / "locale")],
        "myst_enable_extensions": book["parse"]["myst_enable_extensions"],
        "bibtex_bibfiles": ["references.bib"],
        "exclude_patterns": ["_build"],
        # Le thème allonge sur place ces listes, que tous les livres d'un processus partagent.
        "templates_path": [],
        "html_static_path": [],
        "nb_execution_mode": "cache",
        "nb_output_stderr": book["execute"]["stderr_output"],
        "external_toc_path": "_toc.yml",
    }
    build, warnings = root / "_build", io.StringIO()
    with pytest.MonkeyPatch.context() as patch, docutils_namespace():
        for name in ("GITHUB_REPOSITORY", "GITHUB_SHA", "CI_PROJECT_URL", "CI_COMMIT_SHA"):
            patch.delenv(name, raising=False)
        for name in ("CI_PAGES_URL", "LIVRE_ADRESSE"):
            patch.delenv(name, raising=False)
        patch.setenv("LIVRE_DEPOT", repository)
        outdir, doctrees = str(build / output), str(build / "doctrees")
        app = Sphinx(
            str(root), None, outdir, doctrees, "html", config, status=None, warning=warnings
        )
        app.build()
    return app, warnings.getvalue()


def read_pages(app: Sphinx) -> dict[str, BeautifulSoup]:
    """Lit les pages écrites, par nom."""
    files = {name: Path(app.outdir) / f"{name}.html" for name in app.env.found_docs}
    return {
        name: BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")
        for name, file in files.items()
    }


@pytest.fixture(scope="session")
def build() -> Callable[..., tuple[Sphinx, str]]:
    return build_book


@pytest.fixture(scope="session")
def application(sources: Path) -> Sphinx:
    """L'application Sphinx, une fois le site construit sans avertissement."""
    app, warnings = build_book(sources)
    assert warnings == ""
    return app


@pytest.fixture(scope="session")
def published(sources: Path, application: Sphinx) -> dict[str, BeautifulSoup]:
    """Les pages du même livre, quand son dépôt est connu."""
    app, warnings = build_book(sources, "https://github.com/a/b", "publie")
    assert warnings == ""
    return read_pages(app)


@pytest.fixture(scope="session")
def pages(application) -> dict[str, BeautifulSoup]:
    """Les pages écrites, par nom."""
    return read_pages(application)
