"""La page du projet sur un dossier qui n'est pas le sien : une classe peut manquer au test."""

import numpy as np

from livre.expected_outputs import chapters, to_notebook
from reseaux import data, measures

PAGE = next(page for page in chapters() if page.stem == "projet")


def run(start: str, **names: object) -> dict:
    """Exécute les cellules de la page qui contiennent ce texte, avec ces noms."""
    found = [cell.source for cell in to_notebook(PAGE).cells if start in cell.source]
    assert found, f"la page n'a plus de cellule « {start} »"
    exec(found[0], names)
    return names


def test_a_class_without_a_test_image_is_told() -> None:
    images = data.LabeledImages(
        np.zeros((3, 2, 2), np.float32), np.array([0, 2, 2]), ("a", "b", "c")
    )
    told = run(
        "recall = {",
        np=np,
        measures=measures,
        images=images,
        truth=images.labels,
        given=np.array([0, 2, 0]),
        read_once={"pixels": np.array([0, 0, 0])},
    )["recall"]
    assert told["b"] == "aucune image de test"
    assert (told["a"].mean, told["c"].mean) == (1, 0.5)


def test_a_class_left_out_by_the_draw_is_counted() -> None:
    images = data.LabeledImages(np.zeros((2, 2, 2), np.float32), np.array([0, 1]), ("a", "b", "c"))
    source = run(
        "counts = np.bincount", np=np, images=images, Table=lambda *rows: rows, percent=str
    )
    assert source["counts"].tolist() == [1, 1, 0]
