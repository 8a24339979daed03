"""De chaque page qui lit une étude, deux clics mènent à ses lignes."""

import re
from pathlib import Path

import pytest

from experiments import STUDIES
from livre.expected_outputs import chapters

ROOT = Path(__file__).resolve().parents[2]
ANNEX = (ROOT / "chapters" / "annexes" / "mesures.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^\(mesures-(\w+)\)=\n### (.+?)(?=^\(mesures-|\Z)", ANNEX, re.M | re.S))
CODE = re.compile(r"^```\{code-cell\}.*?^```", re.M | re.S)


def readers(study: str) -> set[str]:
    """Les pages dont le code lit une étude."""
    read = re.compile(
        rf"""(?:find|rows_of)\("{study}"\)|for n\w* in \(.*"{study}"|\b{study}\.STUDY"""
    )
    pages = {page: "".join(CODE.findall(page.read_text(encoding="utf-8"))) for page in chapters()}
    found = {page.stem for page, code in pages.items() if read.search(code)}
    return found - {"mesures"}


def test_each_study_has_its_section() -> None:
    assert set(SECTIONS) == set(STUDIES)


@pytest.mark.parametrize("study", STUDIES)
def test_a_section_leads_to_the_rows_and_to_the_pages(study: str) -> None:
    section = SECTIONS[study].replace("\u00a0", " ")
    assert section.startswith(f"Étude `{study}`\n")
    assert f"{{download}}`{study}.csv </src/experiments/results/{study}.csv>`" in section
    assert f"`make experiences ETUDES={study} VERIFIER=3`" in section
    named = {Path(path).name for path in re.findall(r"\{doc\}`([^`]+)`", section)}
    assert readers(study)
    assert readers(study) <= named


@pytest.mark.parametrize("study", STUDIES)
def test_a_page_that_reads_a_study_leads_to_its_section(study: str) -> None:
    for page in chapters():
        link = re.search(rf"\{{ref\}}`(?:[^`<]*<)?mesures-{study}>?`", page.read_text("utf-8"))
        if page.stem in readers(study):
            assert link, f"{page.name} lit l'étude {study} sans mener à ses lignes"
        if link:
            assert page.stem in SECTIONS[study], f"la section de {study} oublie {page.name}"
