"""Un petit site, construit une fois avec les réglages du livre, sans exécuter de cellule."""

import io
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]

HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

"""
BIB = """@inproceedings{He16, author={He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing},
title={Deep Residual Learning}, booktitle={Actes}, pages={770--778}, year={2016}, doi={10.1/x}}
@article{Tan19, author={Tan, Mingxing and Le, Quoc V.}, title={Eff}, journal={Revue},
volume={3}, number={2}, year={2019}, note={Prix du jury}, url={https://example.org/a}}
@misc{Lin13, author={Lin, Min}, title={Network in Network}, howpublished={arXiv}, year={2013},
eprint={1312.4400}}
"""
PAGES = {
    "accueil": """# Accueil

## Une section

Voir {doc}`/a/un`, {cite:p}`He16,Tan19` et {cite:t}`Lin13`.
""",
    "a/un": HEADER
    + """# Page un

```{code-cell} ipython3
:tags: [hide-input]

x = 1
```

:::{warning}
Une formule, $x^2$, puis une autre.
:::

$$
y = x
$$ (eq-y)

```python
print("du code")
```

:::{table} Des nombres.
:name: tab-un

| a | b |
|---|---|
| 1 | 2 |
:::
""",
    "a/bib": "# Bibliographie\n\n```{bibliography}\n```\n",
}
TOC = "format: jb-book\nroot: accueil\nchapters:\n  - file: a/un\n  - file: a/bib\n"


@pytest.fixture(scope="session")
def sources(tmp_path_factory) -> Path:
    """Les fichiers du petit livre ; à ne pas changer."""
    root = tmp_path_factory.mktemp("livre")
    for name, text in PAGES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / f"{name}.md").write_text(text, encoding="utf-8")
    (root / "_toc.yml").write_text(TOC)
    (root / "_config.yml").write_text("title: Petit livre\n")
    (root / "references.bib").write_text(BIB)
    return root


@pytest.fixture(scope="session")
def application(sources) -> Sphinx:
    """L'application Sphinx, une fois le site construit sans avertissement."""
    book = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config = {
        **book["sphinx"]["config"],
        "html_theme": "sphinx_book_theme",
        "locale_dirs": [str(ROOT / "src" / "livre" / "locale")],
        "myst_enable_extensions": book["parse"]["myst_enable_extensions"],
        "bibtex_bibfiles": ["references.bib"],
        "nb_execution_mode": "off",
        "external_toc_path": "_toc.yml",
    }
    build = sources / "_build"
    warnings = io.StringIO()
    app = Sphinx(
        str(sources),
        None,
        str(build / "html"),
        str(build / "doctrees"),
        "html",
        confoverrides=config,
        status=None,
        warning=warnings,
    )
    app.build()
    assert warnings.getvalue() == ""
    return app


@pytest.fixture(scope="session")
def pages(application) -> dict[str, BeautifulSoup]:
    """Les pages écrites, par nom."""
    folder = Path(application.outdir)
    return {
        name: BeautifulSoup((folder / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        for name in PAGES
    }
