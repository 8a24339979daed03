"""Le site construit, lu comme des fichiers : langue, liens, images, formules, notebooks."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup, NavigableString, Tag

from livre import repository
from livre.launch import links
from livre.typography import french_markdown
from site_files import (
    ROOT,
    SITE,
    article,
    french,
    headings,
    html_pages,
    parsed,
    require_site,
    toc_pages,
)

READ_ALOUD = ("alt", "aria-label", "data-bs-title", "data-tooltip", "placeholder", "title")
LOADED = {
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "object": "data",
    "script": "src",
    "source": "src",
    "video": "src",
}
# Les liens <link> qui ne font rien charger.
NOT_LOADED = {"author", "canonical", "index", "next", "prev", "search"}
# Le MyST qui resterait dans un notebook : une directive ou un rôle, hors du code.
RAW_MYST = re.compile(r"^\s*(?::::|```|~~~)+ *\{[\w:-]+\}|\{[\w:-]+\}`|^\([\w-]+\)=", re.MULTILINE)
CODE = re.compile(r"``.+?``|^```.*?^```|(?<![}`])`[^`\n]+`", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def pages() -> dict[str, BeautifulSoup]:
    return html_pages()


@pytest.fixture(scope="module")
def site() -> Path:
    return require_site()


def check(problems: list[str]) -> None:
    """Échoue en les citant tous : on corrige en une fois."""
    assert not problems, "\n".join(["", *problems])


def readable(soup: Tag, *removed: str) -> BeautifulSoup:
    """Une copie de la page sans le code, les formules ni ce qu'on nomme."""
    text = copy.copy(soup)
    for tag in text.select(", ".join(("pre", "code", "script", "style", "math", *removed))):
        tag.decompose()
    return text


def file_of(page: BeautifulSoup, here: Path, path: str) -> Path:
    """Le fichier où mène une adresse d'une page ; celles de la page 404 partent de la racine."""
    root = str(page.html["data-content_root"])
    if root.startswith("/"):
        return (here.parent / unquote(path).removeprefix(root)).resolve()
    return (here.parent / unquote(path)).resolve()


def is_external(url: str) -> bool:
    return bool(urlsplit(url).netloc)


def test_every_page_of_the_toc_is_built(site: Path) -> None:
    check([f"{page} : absente" for page in toc_pages() if not (site / f"{page}.html").is_file()])


def test_home_leads_to_first_page(site: Path) -> None:
    assert f"{toc_pages()[0]}.html" in (site / "index.html").read_text(encoding="utf-8")


def test_language_theme_and_icon(pages: dict[str, BeautifulSoup]) -> None:
    """La langue est le français ; le thème est celui du système, tant qu'on n'en choisit pas un."""
    wanted = (
        "html[lang=fr]",
        "html[data-theme=auto]",
        "link[rel=icon][href]",
        "footer a, footer p",
    )
    problems = [
        (name, one) for name, page in pages.items() for one in wanted if not page.select(one)
    ]
    check([f"{name} : {one}" for name, one in problems])


def test_titles_are_present_and_distinct(pages: dict[str, BeautifulSoup]) -> None:
    titles = {
        name: page.title.get_text(strip=True) if page.title else "" for name, page in pages.items()
    }
    seen = list(titles.values())
    check(
        [
            f"{name} : « {title} »"
            for name, title in titles.items()
            if not title or seen.count(title) > 1
        ]
    )


def test_nothing_is_loaded_from_another_site(pages: dict[str, BeautifulSoup], site: Path) -> None:
    problems = []
    for name, page in pages.items():
        for tag, attribute in LOADED.items():
            urls = [str(found.get(attribute, "")) for found in page.find_all(tag)]
            problems += [f"{name} : <{tag}> {url}" for url in urls if is_external(url)]
        for link in page.find_all("link"):
            if is_external(str(link.get("href", ""))) and not NOT_LOADED & set(link.get("rel", [])):
                problems.append(f"{name} : <link> {link['href']}")
        for style in page.find_all("style"):
            problems += [f"{name} : <style> {url}" for url in css_urls(style.get_text())]
        for styled in page.select("[style]"):
            problems += [f"{name} : style= {url}" for url in css_urls(str(styled["style"]))]
    for sheet in site.rglob("*.css"):
        problems += [f"{sheet.name} : {url}" for url in css_urls(sheet.read_text(encoding="utf-8"))]
    check(problems)


def css_urls(css: str) -> list[str]:
    """Les adresses d'un autre site qu'une feuille de style fait charger."""
    found = re.findall(r"""url\(\s*["']?([^"')]+)""", css)
    found += re.findall(r"""@import\s+["']([^"']+)""", css)
    return [url for url in found if is_external(url)]


def test_no_stray_dollar(pages: dict[str, BeautifulSoup]) -> None:
    problems = []
    for name, page in pages.items():
        text = readable(article(page)).get_text()
        problems += [
            f"{name} : {text[max(0, m.start() - 30) : m.end() + 30]!r}"
            for m in re.finditer(r"\$", text)
        ]
    check(problems)


def test_no_raw_myst_in_pages(pages: dict[str, BeautifulSoup]) -> None:
    problems = []
    for name, page in pages.items():
        text = readable(article(page)).get_text()
        problems += [
            f"{name} : {m[0]}"
            for m in re.finditer(r":::+|\{[a-z:]+\}`|\{[a-z:-]+\}(?=\s*$)", text, re.M)
        ]
    check(problems)


def test_internal_links_and_anchors(pages: dict[str, BeautifulSoup], site: Path) -> None:
    problems = []
    for name, page in pages.items():
        here = site / name
        for link in page.select("a[href]"):
            url = urlsplit(str(link["href"]))
            # Le lien caché vers le PDF attend que le fichier soit écrit.
            if url.scheme or url.netloc or link.find_parent(hidden=True):
                continue
            target = file_of(page, here, url.path) if url.path else here
            if not target.is_file():
                problems.append(f"{name} : {link['href']} ne mène à aucun fichier")
            elif url.fragment and not parsed(target).find(id=unquote(url.fragment)):
                problems.append(f"{name} : {link['href']} ne mène à aucune ancre")
    check(sorted(set(problems)))


def test_internal_files_exist(pages: dict[str, BeautifulSoup], site: Path) -> None:
    problems = []
    for name, page in pages.items():
        for tag, attribute in {**LOADED, "link": "href"}.items():
            for found in page.find_all(tag):
                url = urlsplit(str(found.get(attribute, "")))
                local = bool(url.path) and not url.scheme and not url.netloc
                if local and not file_of(page, site / name, url.path).is_file():
                    problems.append(f"{name} : <{tag}> {url.path}")
    check(problems)


def test_images_have_a_text(pages: dict[str, BeautifulSoup]) -> None:
    problems = []
    for name, page in pages.items():
        for image in page.find_all("img"):
            alt = str(image.get("alt", "")).strip()
            if not alt or re.search(r"\.(png|jpe?g|svg|gif|webp)$|[\\$]|^[\w./-]*/[\w./-]*$", alt):
                problems.append(f"{name} : alt={alt!r} ({image.get('src')})")
        for drawing in article(page).find_all("svg"):
            named = (
                drawing.get("aria-label") or drawing.get("aria-labelledby") or drawing.find("title")
            )
            if drawing.get("aria-hidden") != "true" and not named:
                problems.append(f"{name} : un dessin SVG sans nom")
    check(problems)


def test_chrome_is_french(pages: dict[str, BeautifulSoup]) -> None:
    """Chaque texte de l'habillage est dans une liste fermée : un mot anglais de plus se voit."""
    always, sometimes = french()
    titles = set().union(*map(headings, pages.values()))
    seen: set[str] = set()
    problems = []
    for name, page in pages.items():
        found = set(chrome(page))
        seen |= found
        problems += [f"{name} : « {text} »" for text in sorted(found - titles - always - sometimes)]
    check(problems)
    check([f"« {text} » n'est plus sur le site" for text in sorted(always - seen)])


def chrome(page: BeautifulSoup) -> Iterator[str]:
    """Ce qu'on voit ou entend hors du texte de l'auteur."""
    soup = copy.copy(page)
    for tag in soup.select("article .headerlink"):
        yield str(tag["title"])
    for tag in soup.select("details.hide p.admonition-title"):
        yield tag.get_text()
    for tag in soup.select("article section, head title, script, style"):
        tag.decompose()
    for tag in soup.select("nav code, nav code span"):  # le titre d'une section peut en contenir
        tag.unwrap()
    soup.smooth()
    for text in soup.find_all(string=True):
        if type(text) is NavigableString and (shown := " ".join(text.split())) not in {"", "+"}:
            yield shown
    for tag in soup.find_all(True):
        yield from (" ".join(str(tag[name]).split()) for name in READ_ALOUD if tag.has_attr(name))


def test_formulas_are_rendered(pages: dict[str, BeautifulSoup]) -> None:
    problems = []
    for name, page in pages.items():
        for box in page.select(".formule, .formule-bloc"):
            formula = box.find("math")
            if formula is None or not formula.get_text(strip=True) or "\\" in formula.get_text():
                problems.append(f"{name} : {box.get_text(strip=True)[:60]}")
        problems += [f"{name} : {tag}" for tag in page.select("merror, .math")]
    check(problems)


def test_math_font_and_its_licence(site: Path) -> None:
    font = site / "_static" / "stix-two-math.woff2"
    assert font.read_bytes()[:4] == b"wOF2"
    assert "SIL OPEN FONT LICENSE" in (site / "_static" / "stix-two-math-LICENSE.txt").read_text()


def test_cells_ran_without_error(pages: dict[str, BeautifulSoup]) -> None:
    problems = []
    for name, page in pages.items():
        problems += [
            f"{name} : {t.get_text()[:80]}"
            for t in page.select(".output.traceback, .output.stderr")
        ]
    check(problems)


def test_folds_are_real_ones(pages: dict[str, BeautifulSoup]) -> None:
    problems = [
        f"{n} : {t.get('class')}"
        for n, p in pages.items()
        for t in p.select(".admonition.dropdown, .toggle")
    ]
    check([f"{problem} ; employez la directive dropdown" for problem in problems])


def test_tables_are_readable_aloud(pages: dict[str, BeautifulSoup]) -> None:
    problems = []
    for name, page in pages.items():
        for box in page.select(".tableau"):
            if box.get("tabindex") != "0" or not box.get("aria-label"):
                problems.append(f"{name} : cadre sans nom ou hors du clavier")
            if not box.select("caption") or not box.select("thead th[scope=col]"):
                problems.append(f"{name} : tableau sans légende ou sans en-têtes")
    check(problems)


def test_launch_links_are_those_of_the_repository(pages: dict[str, BeautifulSoup]) -> None:
    place = repository.find(ROOT)
    problems = []
    for page in toc_pages():
        source = (ROOT / f"{page}.md").read_text(encoding="utf-8")
        expected = links(place, page) if place and "kernelspec:" in source else {}
        found = pages[f"{page}.html"].select("a.livre-lancer")
        if {a.get_text(strip=True): a["href"] for a in found} != expected:
            problems.append(f"{page} : {found}")
    check(problems)


def test_no_local_path_in_the_site(site: Path) -> None:
    here = str(Path(__file__).resolve().parents[2])
    kinds = {".html", ".ipynb", ".js", ".css", ".txt"}
    files = [file for file in site.rglob("*") if file.suffix in kinds]
    check([str(f.relative_to(SITE)) for f in files if f"{here}/" in f.read_text(encoding="utf-8")])


def test_every_page_offers_its_notebook(pages: dict[str, BeautifulSoup], site: Path) -> None:
    problems = []
    for page in toc_pages():
        links = pages[f"{page}.html"].select("a.livre-notebook[href][download]")
        targets = [(site / page).parent / str(link["href"]) for link in links]
        expected = (site / "notebooks" / f"{page}.ipynb").resolve()
        if [target.resolve() for target in targets] != [expected] or not expected.is_file():
            problems.append(f"{page} : {targets}")
    check(problems)


def test_notebooks_are_plain(site: Path) -> None:
    problems = []
    for page in toc_pages():
        notebook = nbformat.read(site / "notebooks" / f"{page}.ipynb", as_version=4)
        nbformat.validate(notebook)
        first = notebook.cells[0]
        title = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["title"]
        if first.cell_type != "markdown" or french_markdown(f"« {title} »") not in first.source:
            problems.append(f"{page} : la première cellule ne dit pas d'où vient le notebook")
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                text = CODE.sub("", cell.source)
                problems += [f"{page} : {m[0].strip()}" for m in RAW_MYST.finditer(text)]
            if "cite:" in json.dumps(cell.metadata):
                problems.append(f"{page} : du MyST dans les métadonnées")
    check(problems)


def test_notebooks_number_figures_like_the_site(
    pages: dict[str, BeautifulSoup], site: Path
) -> None:
    problems = []
    for page in toc_pages():
        shown = [
            t.get_text(strip=True)
            for t in pages[f"{page}.html"].select("figcaption .caption-number")
        ]
        notebook = nbformat.read(site / "notebooks" / f"{page}.ipynb", as_version=4)
        text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        exported = re.findall(r"^\*\*(Figure \d+)\.\*\*", text, re.MULTILINE)
        if exported != shown:
            problems.append(f"{page} : {shown} sur le site, {exported} dans le notebook")
    check(problems)


def test_notebooks_hold_the_same_code(pages: dict[str, BeautifulSoup], site: Path) -> None:
    problems = []
    for page in toc_pages():
        cells = pages[f"{page}.html"].select(".cell_input pre")
        shown = ["".join(cell.get_text().split()) for cell in cells]
        notebook = nbformat.read(site / "notebooks" / f"{page}.ipynb", as_version=4)
        sources = [c.source for c in notebook.cells if c.cell_type == "code"]
        # Une cellule repliée y a, en plus, le titre que montre Colab.
        code = ["".join(re.sub(r"^# @title .*\n", "", s).split()) for s in sources]
        if any(source not in code for source in shown):
            problems.append(
                f"{page} : {len(shown)} cellules sur le site, {len(code)} dans le notebook"
            )
    check(problems)


def test_notebooks_show_the_same_outputs(pages: dict[str, BeautifulSoup], site: Path) -> None:
    """Sans les exécuter, on y voit ce que montre le site."""
    problems = []
    for page in toc_pages():
        shown = len(pages[f"{page}.html"].select(".cell_output"))
        notebook = nbformat.read(site / "notebooks" / f"{page}.ipynb", as_version=4)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        if shown != (found := sum(bool(cell.outputs) for cell in code)):
            problems.append(f"{page} : {shown} résultats sur le site, {found} dans le notebook")
        if "".join(cell.source for cell in code).count("pip install") != bool(
            code and repository.find(ROOT)
        ):
            problems.append(f"{page} : cellule d'installation")
    check(problems)
