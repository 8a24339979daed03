"""Les fichiers qui servent à contribuer : ils se lisent, et s'accordent avec le reste du dépôt."""

import configparser
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.md"))


def test_hooks_run_the_tools_of_the_project_and_files_that_exist():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]  # rien ne se télécharge
    hooks = {hook["id"]: hook["entry"].split() for hook in config["repos"][0]["hooks"]}
    assert set(hooks) == {"ruff-check", "ruff-format", "references"}
    assert all(words[0].startswith(".venv/bin/") for words in hooks.values())
    named = [word for words in hooks.values() for word in words if word.startswith("tests/")]
    assert named
    assert all((ROOT / file).exists() for file in named)


def test_workflows_and_settings_parse():
    for path in [*(ROOT / ".github").rglob("*.yml"), ROOT / "_config.yml", ROOT / "_toc.yml"]:
        assert yaml.safe_load(path.read_text(encoding="utf-8")), path


def test_there_is_a_template_for_each_errand():
    assert [path.stem for path in TEMPLATES] == ["erreur", "proposition", "question"]
    assert "make test" in (ROOT / ".github/pull_request_template.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_template_has_a_name_and_a_purpose(path):
    _, header, body = path.read_text(encoding="utf-8").split("---\n", 2)
    assert set(yaml.safe_load(header)) == {"name", "about"}
    assert body.strip()


def test_editorconfig_parses():
    editor = configparser.ConfigParser()
    editor.read_string("[top]\n" + (ROOT / ".editorconfig").read_text(encoding="utf-8"))
    assert editor["*"]["charset"] == "utf-8"
    assert editor["Makefile"]["indent_style"] == "tab"


def test_changelog_begins_with_what_is_not_published():
    titles = re.findall(r"(?m)^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert titles[0] == "Non publié"


def test_the_map_of_the_rooms_names_only_rooms_that_exist():
    text = (ROOT / "CONTRIBUER.md").read_text(encoding="utf-8")
    rooms = re.findall(r"(?m)^\| `([\w/]+/)` \|", text)
    assert len(rooms) >= 10
    assert all((ROOT / room).is_dir() for room in rooms)
    packages = {f"src/{path.parent.name}/" for path in ROOT.glob("src/*/__init__.py")}
    assert packages <= set(rooms)
