"""Un quiz : des questions qui montent, une réponse juste parmi d'autres, et chacune s'explique."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from sphinx_external_toc.parsing import parse_toc_yaml

from livre.expected_outputs import chapters
from page_prose import PAGES, prose

ROOT = Path(__file__).resolve().parents[2]
QUIZZES = sorted(ROOT.glob("chapters/*/quiz-*.md"))
FOLD = re.compile(r"^:::\{dropdown\} (?P<title>.+)\n(?P<body>(?:.+\n)+?):::$", re.MULTILINE)
RIGHT, WRONG = "**Oui.** ", "**Non.** "
LINK = re.compile(r"\{doc\}`/(chapters/[\w/-]+)`")
FEWEST_WORDS = 15
LONGEST_TITLE = 32  # une ligne du sommaire de la page


class Answer(NamedTuple):
    """Une réponse : ce qu'on choisirait, et ce qu'on lit en l'ouvrant."""

    title: str
    body: str


def questions(text: str) -> dict[str, list[Answer]]:
    """Les réponses de chaque question ; la dernière section, qui dit que relire, n'en est pas."""
    title, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    assert FOLD.search(title) is None, "une réponse avant la première question"
    return {
        part.partition("\n")[0]: [Answer(m["title"], m["body"]) for m in FOLD.finditer(part)]
        for part in parts[:-1]
    }


def faults(text: str) -> list[str]:
    """Ce qui manque à un quiz, une phrase par défaut."""
    asked = questions(text)
    folds = len(re.findall(r"^:::\{", text, re.MULTILINE))
    read = sum(map(len, asked.values()))
    found = [] if folds == read else [f"{folds} dépliants, {read} lus"]
    if not 7 <= len(asked) <= 10:
        found.append(f"{len(asked)} questions")
    places = []
    for number, (title, answers) in enumerate(asked.items(), 1):
        if not re.fullmatch(rf"{number}\. .+", title) or len(title) > LONGEST_TITLE:
            found.append(f"titre : {title}")
        if not re.search(rf"^## {re.escape(title)}\n\n.+\?\n\n:::", text, re.M):
            found.append(f"{number} : pas de question sous le titre")
        right = [k for k, answer in enumerate(answers) if answer.body.startswith(RIGHT)]
        wrong = [k for k, answer in enumerate(answers) if answer.body.startswith(WRONG)]
        if len(answers) not in (3, 4) or len(right) != 1 or len(wrong) != len(answers) - 1:
            found.append(f"{number} : {len(right)} juste, {len(wrong)} fausses")
        if len({answer.title for answer in answers}) < len(answers):
            found.append(f"{number} : deux fois la même réponse")
        short = [a.title for a in answers if len(prose(a.body).split()) <= FEWEST_WORDS]
        found += [f"{number} : pas expliquée : {title}" for title in short]
        if not any(LINK.search(answer.body) for answer in answers):
            found.append(f"{number} : aucun renvoi")
        places += right
    count = Counter(places)
    if len(count) < 3 or max(count.values()) > len(asked) / 2:
        found.append(f"la réponse juste est toujours à la même place : {places}")
    return found


@pytest.mark.parametrize("quiz", QUIZZES, ids=lambda path: path.stem)
def test_every_answer_is_explained(quiz: Path) -> None:
    assert faults(quiz.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("quiz", QUIZZES, ids=lambda path: path.stem)
def test_a_quiz_needs_no_kernel(quiz: Path) -> None:
    text = quiz.read_text(encoding="utf-8")
    assert text.startswith("# Quiz")
    assert "{code-cell}" not in text


def test_only_a_quiz_needs_no_kernel() -> None:
    """Une page qui perdrait son en-tête ne serait plus exécutée, ni comparée à ses sorties."""
    bare = sorted(page.stem for page in set(PAGES) - set(chapters()) - set(QUIZZES))
    told = "Pages sans l'en-tête qui nomme un noyau (CONTRIBUER.md, « Une page », le donne) : "
    assert not bare, told + ", ".join(bare)
    assert not set(QUIZZES) & set(chapters())


@pytest.mark.parametrize("quiz", QUIZZES, ids=lambda path: path.stem)
def test_the_last_paragraph_says_what_to_read_again(quiz: Path) -> None:
    """Il nomme chaque question une fois, et les pages où les réponses renvoient."""
    text = quiz.read_text(encoding="utf-8")
    last = text.rstrip().rpartition("\n\n")[2]
    numbers = re.findall(r"\d+", LINK.sub("", last))
    assert sorted(map(int, numbers)) == [*range(1, len(questions(text)) + 1)]
    read = {m for found in questions(text).values() for a in found for m in LINK.findall(a.body)}
    assert set(LINK.findall(last)) == read


def test_each_part_ends_with_its_quiz_about_all_its_pages() -> None:
    toc = parse_toc_yaml(ROOT / "_toc.yml")
    parts = [part for part in toc.root.subtrees if "annexes" not in part.items[0]]
    assert [part.items[-1] for part in parts] == [
        f"chapters/{name}/quiz-{name}" for name in ("classiques", "reutiliser", "peu-de-donnees")
    ]
    assert len(QUIZZES) == len(parts)
    for part in parts:
        text = (ROOT / f"{part.items[-1]}.md").read_text(encoding="utf-8")
        forgotten, lost = (
            sorted(set(part.items[:-1]) - set(LINK.findall(text))),
            sorted(set(LINK.findall(text)) - set(part.items[:-1])),
        )
        assert not forgotten, f"{part.items[-1]} ne renvoie pas à {forgotten} : une question ?"
        assert not lost, f"{part.items[-1]} renvoie à {lost}, qui n'est pas de sa partie."


LONG = (
    "Parce que cette phrase est assez longue pour expliquer ce que la réponse confond, et pourquoi."
)
SOUND = "# Quiz\n\n" + "".join(
    f"## {n}. Un titre\n\nUne question ?\n\n"
    + "".join(
        f":::{{dropdown}} Réponse {k}\n{RIGHT if k == n % 3 else WRONG}{LONG}"
        f" {{doc}}`/chapters/un`.\n:::\n\n"
        for k in range(3)
    )
    for n in range(1, 8)
) + "## Que relire ?\n\nTout.\n"  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        (RIGHT, WRONG, "0 juste"),
        (WRONG, RIGHT, "3 juste"),
        (WRONG, "", "0 fausses"),
        (LONG, "Parce que.", "pas expliquée"),
        ("{doc}`/chapters/un`", "ailleurs", "aucun renvoi"),
        ("Réponse 1", "Réponse 2", "deux fois la même réponse"),
        ("## 3. ", "## 4. ", "titre"),
        ("## 7. Un titre\n\n", "", "6 questions"),
        ("Un titre", "Un titre bien trop long pour un sommaire", "titre"),
        ("question ?", "phrase.", "pas de question"),
        ("\n\nUne question ?", "", "pas de question"),
        (".\n:::\n", ".\n\n:::\n", "dépliants"),
    ],
)
def test_the_rules_see_a_fault(before: str, after: str, seen: str) -> None:
    assert faults(SOUND) == []
    found = faults(SOUND.replace(before, after))
    assert any(seen in fault for fault in found), found


def test_the_rule_sees_a_right_answer_always_first() -> None:
    blocks = re.split(r"(?=^## )", SOUND, flags=re.MULTILINE)
    moved = [b.replace(RIGHT, WRONG).replace(WRONG, RIGHT, 1) for b in blocks]
    assert [f[:15] for f in faults("".join(moved))] == ["la réponse just"]
