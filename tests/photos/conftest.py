"""Un dossier de photographies, et un dossier courant vide où écrire les résultats."""

from pathlib import Path

import pytest

from photo_folder import make, picture


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return make(tmp_path / "mes images")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Un dossier de deux classes d'une image."""
    for name in ("chats noirs", "théières"):
        (tmp_path / name).mkdir()
        picture().save(tmp_path / name / "photo 1.png")
    return tmp_path
