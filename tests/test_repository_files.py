"""Les fichiers qui servent à contribuer : ils se lisent, et s'accordent avec le reste du dépôt."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from livre.expected_outputs import CELL_TIMEOUT

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


def rules() -> dict[str, tuple[list[str], str]]:
    """Chaque règle du Makefile : ce dont elle dépend, et ses commandes, chacune sur une ligne."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.findall(r"(?m)^([\w$()-]+):(?!=)([^#\n]*)(?:#.*)?\n((?:\t.*\n?)*)", text)
    spaced = {name: re.sub(r"[ \t]+", " ", body) for name, _, body in found}
    return {name: (before.split(), spaced[name]) for name, before, _ in found}


# Pour chaque règle, les commandes entières, ou la partie dont un oubli passerait inaperçu.
COMMANDS = {
    "$(PRET)": ("sys.version_info < (3, 11)", "$(PY) -m pip install", " -r requirements.txt"),
    # « -W » : un avertissement arrête tout ; « -n » : un renvoi cassé en est un.
    "livre": (
        ".venv/bin/jupyter-book build . -W -n --keep-going --quiet "
        '|| { echo "$(ARRET)"; exit 1; }\n',
    ),
    "pdf": ("$(PY) -m livre.pdf\n",),
    "style": (
        " .venv/bin/ruff format --check src tests\n",
        " .venv/bin/ruff check src tests\n",
        " .venv/bin/mypy\n",
    ),
    "test-unite": ("$(PY) -m pytest -n auto --dist loadfile tests/test_*.py ",),
    "test-notebooks": (
        "$(PY) -m pytest -n auto --dist loadfile --nbval --nbval-cell-timeout=120 "
        "--nbval-sanitize-with tests/nbval.cfg -q tests/notebooks\n",
    ),
    "test-chapitres": ("$(PY) -m pytest tests/chapters -q\n",),
    "test-site": ("$(PY) -m pytest tests/site -q\n",),
    "test-navigateur": ("$(PY) -m pytest tests/navigateur -q\n",),
    "test-orthographe": ("$(PY) -m pytest tests/orthographe -q\n",),
    "test-reseau": ("$(PY) -m pytest tests/reseau -q\n",),
    "references": ("$(PY) -m livre.expected_outputs $(CHAPITRES)\n",),
    "bench": ("$(PY) tests/bench/$$banc.py || exit 1",),
    "audit": ("$(PY) tests/audit.py $(PAGES)\n",),
    "experiences": (
        "$(PY) -m experiments $(ETUDES) --memoire _build/experiences "
        "$(if $(VERIFIER),--verifier $(VERIFIER)) $(if $(GRAINE),--graine $(GRAINE)) "
        "$(if $(CASES),--cases $(CASES)) $(if $(REFAIRE),--refaire) "
        "$(if $(GRAPPE),--grappe $(GRAPPE))\n",
    ),
    "graines": ("$(PY) tests/graines.py $(PAGES) --graines $(GRAINES)\n",),
    "demonstration": ("tests/demonstration.py $(MODULES) --par-module $(PAR_MODULE)\n",),
    "ecrire": (
        ' -e ".[auteurs]"\n',
        " .venv/bin/jupyter lab --FileContentsManager.pre_save_hook=livre.sources.before_save "
        "--LabApp.app_settings_dir=src/livre/jupyterlab\n",
    ),
    "servir": ("--bind 127.0.0.1 --directory $(SITE)\n",),
    "notebooks": ("rm -rf _build/notebooks && cp -R $(SITE)/notebooks _build/notebooks\n",),
    "epingler": (
        "uv pip compile requirements.in --universal --python-version 3.11 --upgrade --no-header "
        "--no-emit-index-url --no-emit-find-links --annotation-style line -o requirements.txt\n",
        "$(PY) -m livre.binder\n",
    ),
    "propre": (" rm -rf _build\n",),
    "tout-propre": (" rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis\n",),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_rule_runs_what_is_expected_of_it(name):
    missing = [words for words in COMMANDS[name] if words not in rules()[name][1]]
    assert not missing, rules()[name][1]


def test_no_rule_is_left_without_a_check_nor_its_environment():
    found = rules()
    assert found.keys() - COMMANDS.keys() == {"aide", "test", ".PHONY"} & found.keys()
    needs = {name for name, (_, body) in found.items() if re.search(r"\$\(PY\)|\.venv/bin", body)}
    assert {name for name in needs if not {"$(PRET)", "livre"} & {*found[name][0]}} == {"$(PRET)"}
    assert found["$(PRET)"][0] == ["requirements.txt", "pyproject.toml"]
    assert found["notebooks"][0] == ["livre"]
    assert found["test-reseau"][0] == ["livre"]
    assert found["pdf"][0] == ["livre"]
    assert found["tout-propre"][0] == ["propre"]
    assert "export OMP_NUM_THREADS := 1\n" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_test_is_run_by_the_continuous_integration():
    found = rules()
    assert found["test"][0] == ["style", "test-unite", "livre", "test-notebooks", "test-site"]
    run = [line for line in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines() if line]
    assert run[2] == "set -euo pipefail"
    assert run[-4:] == [
        "make test", "make test-orthographe", "make test-navigateur", "make pdf"
    ]  # fmt: skip
    played = [name for name in found if name.startswith("test-")]
    words = {word for name in played for word in found[name][1].split()}
    folders = {path.parts[1] for path in relative("tests/*/**/test_*.py")} | {"notebooks"}
    assert {f"tests/{folder}" for folder in folders} == {
        word for word in words if re.fullmatch(r"tests/\w+", word)
    }


def relative(pattern):
    return [path.relative_to(ROOT) for path in ROOT.glob(pattern)]


def test_a_cell_has_the_same_time_wherever_it_is_executed():
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert config["execute"] == {
        "execute_notebooks": "cache", "timeout": CELL_TIMEOUT, "stderr_output": "remove",
    }  # fmt: skip
    assert f"--nbval-cell-timeout={CELL_TIMEOUT} " in rules()["test-notebooks"][1]
    assert CELL_TIMEOUT == 120


WORKFLOWS = {
    # Nom : (ce qui le lance, puis, par tâche, ses commandes, sa durée en minutes, ses actions).
    "tests": (
        {"push": {"branches": ["main"]}, "pull_request": None},
        {
            "tests": (["bash .ci/run"], 90, ["setup-python", "upload-pages-artifact"]),
            "publier": ([], 20, ["download-artifact", "deploy-pages"]),
        },
    ),
    "semaine": (
        {"workflow_dispatch": None, "schedule": [{"cron": "17 4 * * 1"}]},
        {
            "neuf": (["bash .ci/run", "make test-reseau"], 90, ["setup-python"]),
            "recent": (["make epingler", "bash .ci/run"], 120, ["setup-python"]),
        },
    ),
    "demonstration": (
        {"workflow_dispatch": None, "schedule": [{"cron": "17 2 * * 6"}]},
        {"demonstration": (["make demonstration"], 350, ["setup-python", "upload-artifact"])},
    ),
    "etudes": (
        {"workflow_dispatch": None, "schedule": [{"cron": "17 3 * * 0"}]},
        {
            "etudes": (
                ['make experiences VERIFIER=12 GRAINE="$GITHUB_RUN_NUMBER"', "make graines"],
                240, ["setup-python"],
            )
        },
    ),
}  # fmt: skip
CACHED = {"cache": "pip", "cache-dependency-path": "requirements.txt"}
# La course de la semaine part de rien ; « 3.x » est le Python le plus récent.
PYTHONS = {
    "neuf": {"python-version": "3.11"},
    "recent": {"python-version": "3.x"},
}
WRITING = {"contents": "write", "pages": "write", "id-token": "write"}


def workflow(name: str) -> dict:
    return yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8"))


def test_no_workflow_is_left_without_a_check():
    assert {path.stem for path in relative(".github/workflows/*")} == {*WORKFLOWS}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_runs_what_is_expected_of_it(name):
    started, expected = WORKFLOWS[name]
    flow = workflow(name)
    assert flow[True] == started  # « on », pour YAML
    assert flow["permissions"] == {}
    assert flow["jobs"].keys() == expected.keys()
    for job, (commands, minutes, actions) in expected.items():
        told = flow["jobs"][job]
        assert told["timeout-minutes"] == minutes
        assert told["permissions"] == (WRITING if job == "publier" else {"contents": "read"})
        steps = told["steps"]
        used = [step["uses"].partition("@")[0] for step in steps if "uses" in step]
        assert used == [f"actions/{action}" for action in ("checkout", *actions)]
        assert steps[0]["with"] == {"persist-credentials": False}
        if "setup-python" in actions:
            python = PYTHONS.get(job, {"python-version": "3.11", **CACHED})
            assert steps[1]["with"] == python
        assert [s["run"] for s in steps if "run" in s and "name" not in s] == commands
        assert not any("continue-on-error" in place for place in (told, *steps))


def test_actions_are_pinned_and_kept_up_to_date():
    """Un nom de version peut être déplacé ; un commit, non. dependabot propose le suivant."""
    lines = [
        line.strip().removeprefix("- ")
        for path in (ROOT / ".github/workflows").glob("*.yml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "uses:" in line
    ]
    loose = [
        line
        for line in lines
        if not re.fullmatch(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    ]
    assert lines
    assert not loose
    versions = {line.partition("@")[0]: line for line in lines}
    assert len(set(lines)) == len(versions)  # une action, une version
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text(encoding="utf-8"))
    assert [one["package-ecosystem"] for one in updates["updates"]] == ["github-actions"]


def test_workflows_have_no_known_weakness():
    """zizmor lit les tâches comme quelqu'un qui voudrait en abuser, sans passer par le réseau."""
    command = [str(Path(sys.executable).parent / "zizmor"), "--offline", "--persona=auditor"]
    done = subprocess.run([*command, ".github"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings" in done.stdout


def test_what_is_published_is_what_was_tested():
    job = workflow("tests")["jobs"]["publier"]
    assert job["needs"] == "tests"
    assert job["if"] == "github.event_name == 'push' && github.ref == 'refs/heads/main'"
    sent = workflow("tests")["jobs"]["tests"]["steps"][-1]
    assert sent["with"] == {"path": "_build/html"}  # sous le nom « github-pages »
    got, named, site = job["steps"][-3:]
    assert got["with"] == {"name": "github-pages", "path": "_build"}
    assert "with" not in site  # deploy-pages publie ce même artefact
    lines = named["run"].splitlines()
    assert lines[1] == "tar -xf _build/artifact.tar -C _build/html"
    assert lines[-1] == "python3 -m livre.branch _build/html/notebooks origin"
    assert named["env"] == {"JETON": "${{ github.token }}", "PYTHONPATH": "src"}


def test_nothing_stops_a_publication_halfway():
    """Une demande de fusion remplace sa course d'avant ; une publication, elle, va à son terme."""
    stopped = {name: workflow(name)["concurrency"]["cancel-in-progress"] for name in WORKFLOWS}
    assert stopped.pop("tests") == "${{ github.event_name == 'pull_request' }}"
    assert not any(stopped.values())


def test_every_dependency_of_the_site_is_pinned():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    asked = [line for line in lines if line.strip() and not line.startswith(("-e .", "#"))]
    assert len(asked) > 100
    assert [line for line in asked if not re.match(r"[\w.-]+(\[[\w,]+\])?==\d\S*( |$)", line)] == []


def test_the_publication_needs_nothing_but_python():
    """La tâche qui publie n'installe rien : son module ne charge que la bibliothèque standard."""
    code = "import sys; sys.path.insert(0, 'src'); import livre.branch"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=ROOT, check=True)


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


def test_the_welcome_text_shows_the_course_and_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first = text.partition("\n## ")[0]
    (alt, picture) = re.findall(r"!\[(.+)\]\((.+)\)", first)[0]
    assert len(alt.split()) > 5
    assert 0 < (ROOT / picture).stat().st_size < 100_000
    assert re.findall(r"(?m)^    make (\w+)", first) == ["livre", "servir"]
    assert len(re.findall(r"(?m)^\*[A-Z].+\.\*$", first)) == 3  # les mêmes lignes, en anglais


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUER.md", "CHANGELOG.md"])
def test_every_file_a_text_links_to_exists(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_command_a_text_names_exists():
    for name in ("README.md", "CONTRIBUER.md", "chapters/annexes/lancer.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        named = set(re.findall(r"`make ([a-z-]+)|^    make ([a-z-]+)", text, re.MULTILINE))
        assert {one or other for one, other in named} <= rules().keys(), name


def test_the_home_page_and_the_citation_file_say_the_same():
    notice = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    home = (ROOT / "chapters" / "accueil.md").read_text(encoding="utf-8")
    fields = dict(re.findall(r"(?m)^  (\w+) += \{+(.+?)\}+,?$", home))
    assert fields == {
        "title": notice["title"],
        "author": notice["authors"][0]["name"],
        "year": str(notice["date-released"].year),
        "version": notice["version"],
    }
