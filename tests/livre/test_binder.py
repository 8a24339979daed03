"""Ce que Binder installe : les versions du site, sans carte graphique, et rien de trop."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from repo2docker.buildpacks import PythonBuildPack

from livre.binder import HEADER, TORCH, lighten

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
# Le Linux de Binder.
ENVIRONMENT = {
    "python_version": "3.11", "python_full_version": "3.11.7", "sys_platform": "linux",
    "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix",
    "implementation_name": "cpython", "platform_python_implementation": "CPython",
}  # fmt: skip


def pins(lines) -> dict[str, str]:
    """Les versions exactes que demande un fichier, sur le Linux de Binder."""
    found = {}
    for line in lines:
        text = line.partition("#")[0].strip()
        if "==" in text:
            asked = Requirement(text)
            if asked.marker is None or asked.marker.evaluate(ENVIRONMENT):
                found[asked.name] = str(asked.specifier).removeprefix("==")
    return found


def test_a_card_asks_for_nothing() -> None:
    compiled = (
        "# x\ntorch==2.9.1\ntorchvision==0.24\nnvidia-cublas==1\ncuda-toolkit==2\ntriton==3\n"
    )
    assert lighten(f"{compiled}tqdm==4\n") == (
        f"{HEADER}torch==2.9.1+cpu\ntorchvision==0.24+cpu\ntqdm==4\n"
    )


def test_binder_has_the_versions_of_the_site() -> None:
    site = pins((ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines())
    binder = pins(LINES)
    assert binder.keys() >= TORCH
    different = {
        name
        for name, version in binder.items()
        if version != site.get(name, "absent") + ("+cpu" if name in TORCH else "")
    }
    assert not different, f"Lancez « make epingler » : {sorted(different)}"


def test_nothing_of_a_graphics_card_is_installed() -> None:
    assert not [name for name in pins(LINES) if re.match("nvidia|cuda|triton", name)]
    assert "\n".join(LINES).startswith(HEADER.rstrip())
    assert [line for line in LINES if "://" in line] == [
        "--extra-index-url https://download.pytorch.org/whl/cpu"
    ]


def test_binder_has_all_that_the_notebooks_ask_for_and_nothing_more() -> None:
    """Les dépendances des paquets installés, suivies une à une, hors celles d'une carte."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    first = [*project["dependencies"], *extras["cellules"], *extras["grappe"]]
    seen, todo = {("", "")}, [("", "")]
    while todo:
        package, extra = todo.pop()
        for line in (requires(package) or []) if package else first:
            asked = Requirement(line)
            name = re.sub(r"[-_.]+", "-", asked.name).lower()
            environment = {**ENVIRONMENT, "extra": extra}
            if asked.marker and not asked.marker.evaluate(environment):
                continue
            if re.match("nvidia|cuda|triton", name):
                continue
            new = {(name, one) for one in ("", *asked.extras)} - seen
            seen |= new
            todo += new
    wanted = {name for name, _ in seen if name}
    assert wanted == pins(LINES).keys()


@pytest.fixture
def recipe(monkeypatch) -> str:
    """La recette que Binder suivrait, écrite par repo2docker."""
    monkeypatch.chdir(ROOT)
    pack = PythonBuildPack("docker.io/library/buildpack-deps:noble")
    pack.platform = "linux/amd64"
    assert pack.detect()
    return str(pack.render({}))


def test_the_recipe_installs_this_list_and_no_other(recipe) -> None:
    installs = re.findall(r"pip install .*", recipe)
    assert installs == ['pip install --no-cache-dir -r "binder/requirements.txt"']
    # Le paquet d'aide est copié avant d'être installé.
    before = recipe.partition(installs[0])[0]
    assert re.search(r"COPY .* src/ \$\{REPO_DIR\}/\n", before)
    assert "environment-2epy-2d3-2e11" in recipe
