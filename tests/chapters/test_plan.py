"""Chaque leçon suit le plan de CONTRIBUER.md, et l'accueil mène à toutes les pages."""

import re
from pathlib import Path

import pytest

from livre.expected_outputs import chapters, to_notebook
from livre.mathml import to_mathml

ROOT = Path(__file__).resolve().parents[2]
READ = [p for p in sorted(ROOT.glob("chapters/*/*.md")) if p.parent.name != "annexes"]
LESSONS = [p for p in READ if not p.stem.startswith("quiz-")]  # un quiz a le sien : test_quiz.py
ADVICE = "{} ne suit pas le plan d'une page (CONTRIBUER.md, « Une page ») : {}."
BOX = re.compile(
    r"^:{3,}\{admonition\} (?P<title>.*)\n(?::class: (?P<kind>\w+)\n)?(?P<body>(?:.*\n)*?):{3,}$",
    re.M,
)


def boxes(lesson: Path) -> list[tuple[str, str | None, str]]:
    text = lesson.read_text(encoding="utf-8")
    return [(m["title"], m["kind"], m["body"]) for m in BOX.finditer(text)]


def points(text: str) -> int:
    return len(re.findall(r"^- ", text, re.MULTILINE))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_page_has_its_plan(lesson: Path) -> None:
    text = lesson.read_text(encoding="utf-8")
    ends = re.findall(r"^## (.+)", text, re.MULTILINE)[-2:]
    told = "elle finit par les sections « Exercices » et « À retenir »"
    assert ends == ["Exercices", "À retenir"], ADVICE.format(lesson.name, told)
    told = "« À retenir » a de trois à six points"
    assert 3 <= points(text.split("## À retenir")[1]) <= 6, ADVICE.format(lesson.name, told)
    known = [
        (kind, points(body))
        for title, kind, body in boxes(lesson)
        if title == "Ce que vous saurez faire"
    ]
    told = "un cadre « Ce que vous saurez faire », de classe « tip », a de trois à cinq points"
    assert [kind for kind, _ in known] == ["tip"], ADVICE.format(lesson.name, told)
    assert 3 <= known[0][1] <= 5, ADVICE.format(lesson.name, told)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_questions_come_before_the_cells(lesson: Path) -> None:
    kinds = [kind for title, kind, _ in boxes(lesson) if title == "Avant d'exécuter"]
    told = "un cadre « Avant d'exécuter », de classe « question », précède une cellule"
    assert set(kinds) == {"question"}, ADVICE.format(lesson.name, told)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_exercises_are_numbered(lesson: Path) -> None:
    titles = [title for title, _, _ in boxes(lesson) if title.startswith("Exercice")]
    told = "deux cadres au moins, « Exercice 1 », « Exercice 2 », dans l'ordre"
    numbered = [f"Exercice {k + 1}" for k in range(len(titles))]
    assert titles == numbered, ADVICE.format(lesson.name, told)
    assert len(titles) >= 2, ADVICE.format(lesson.name, told)


@pytest.mark.parametrize("page", chapters(), ids=lambda path: path.stem)
def test_every_image_is_described_in_several_words(page: Path) -> None:
    images = [cell.metadata.get("mystnb", {}).get("image") for cell in to_notebook(page).cells]
    texts = [str(image.get("alt", "")) for image in images if image is not None]
    assert [text for text in texts if len(text.split()) < 5] == []
    assert len(set(texts)) == len(texts)


def test_the_welcome_page_leads_to_every_lesson() -> None:
    text = (ROOT / "chapters" / "accueil.md").read_text(encoding="utf-8")
    pages = {str(p.relative_to(ROOT).with_suffix("")) for p in READ}
    led = {link.removeprefix("/") for link in re.findall(r"\{doc\}`(?:.*<)?([^`>]+)", text)}
    told = "Ajoutez à chapters/accueil.md, « Le chemin », un renvoi {doc}`/…` vers : "
    assert pages <= led, told + ", ".join(sorted(pages - led))


def test_a_cross_reference_leads_to_a_page() -> None:
    """Une page qu'on ôte laisse des renvois ; la construction les dit, mais en anglais."""
    pages = {str(p.relative_to(ROOT).with_suffix("")) for p in ROOT.glob("chapters/**/*.md")}
    lost = [
        f"{page.relative_to(ROOT)}:{number} : {link}"
        for page in sorted(ROOT.glob("chapters/**/*.md"))
        for number, row in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        for link in re.findall(r"\{doc\}`(?:[^`]*<)?(/[^`>]+)", row)
        if link.removeprefix("/") not in pages
    ]
    assert not lost, "Renvois vers une page absente, à ôter ou à corriger :\n" + "\n".join(lost)


def test_every_label_is_given_once() -> None:
    """Une étiquette donnée deux fois arrête la construction, après toute l'exécution."""
    label = re.compile(r"^\$\$ \((eq-[\w-]+)\)|^ *:?name: (\S+)|^\(([\w-]+)\)=", re.MULTILINE)
    found = [
        next(filter(None, match))
        for page in sorted(ROOT.glob("chapters/**/*.md"))
        for match in label.findall(page.read_text(encoding="utf-8"))
    ]
    found = [name for name in found if name != "python3"]  # celui du noyau
    assert len(found) > 50
    assert not {name for name in found if found.count(name) > 1}


@pytest.mark.parametrize("page", READ, ids=lambda path: path.stem)
def test_every_formula_can_be_shown(page: Path) -> None:
    """Une formule que les navigateurs n'affichent pas arrêterait aussi la construction."""
    text = re.sub(r"^```.*?^```$|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    displayed = re.compile(r"^\$\$(.*?)^\$\$", re.MULTILINE | re.DOTALL)
    for formula in displayed.findall(text):
        to_mathml(formula, display=True)
    for formula in re.findall(r"\$([^$]+)\$", displayed.sub("", text)):
        to_mathml(formula, display=False)
