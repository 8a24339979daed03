"""L'audit du site : ce qu'il refuse, ce qu'il compte, sur un faux Lighthouse."""

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).with_name("audit.py")
spec = importlib.util.spec_from_file_location("audit", SOURCE)
assert spec is not None
assert spec.loader is not None
audit: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(audit)

GOOD = {"performance": 0.98, "accessibility": 1, "best-practices": 1, "seo": 1}


def fake(folder: Path, scores: dict[str, float], fails: bool = False) -> None:
    """Pose un « npx » qui répond ces notes, et note ce qu'on lui demande."""
    refs = [{"id": "regle", "weight": 1}, {"id": "avis", "weight": 0}]
    found = {
        "categories": {name: {"score": s, "auditRefs": refs} for name, s in scores.items()},
        "audits": {"regle": {"id": "regle", "score": min(scores.values())}, "avis": {"id": "avis"}},
    }
    (folder / "notes.json").write_text(json.dumps(found))
    answer = "echo cassé >&2; exit 3" if fails else f"cat {folder}/notes.json"
    npx = folder / "npx"
    npx.write_text(f'#!/bin/sh\necho "$@" >> {folder}/demandes.txt\n{answer}\n')
    npx.chmod(0o755)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "index.html").write_text("<title>Livre</title>")
    monkeypatch.setattr(audit, "SITE", tmp_path)
    monkeypatch.setattr(audit, "toc_pages", lambda: ["chapters/a/un", "chapters/a/deux"])
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CHROMIUM", "/bin/true")
    return tmp_path


def test_each_page_is_marked(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake(site, GOOD)
    assert audit.main([]) == 0
    asked = (site / "demandes.txt").read_text().splitlines()
    assert [line.split("/chapters/")[1].split(".html")[0] for line in asked] == ["a/un", "a/deux"]
    assert all("lighthouse@" in line for line in asked)
    assert capsys.readouterr().out.endswith("2 pages, dont 0 sous la note voulue\n")


@pytest.mark.parametrize("name", GOOD)
def test_a_low_mark_is_counted(site: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    fake(site, GOOD | {name: 0.97})
    assert audit.main(["deux"]) == 1
    out = capsys.readouterr().out
    assert out.endswith("1 pages, dont 1 sous la note voulue\n")
    assert "97" in out
    assert "regle" in out
    assert "avis" not in out


def test_what_is_missing_is_told(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(site, GOOD, fails=True)
    with pytest.raises(SystemExit, match=r"a échoué(.|\n)*cassé"):
        audit.main(["un"])
    for change, told in (
        (lambda: monkeypatch.setattr(audit, "SITE", site / "absent"), "make livre"),
        (lambda: monkeypatch.undo(), "pas de page de ce nom : trois"),
    ):
        change()
        with pytest.raises(SystemExit):
            audit.main(["trois"] if "trois" in told else [])
        assert told in capsys.readouterr().err


def test_without_npx_it_says_what_is_needed(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(site))
    with pytest.raises(SystemExit):
        audit.main([])
    assert "il faut npx" in capsys.readouterr().err
