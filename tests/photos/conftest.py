"""Un dossier de photographies, et un dossier courant vide où écrire les résultats."""

from pathlib import Path

import pytest

from photo_folder import make


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return make(tmp_path / "mes images")
