"""Le réseau des lettres : ses formes, son apprentissage, sa lecture d'une image."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from experiments import glyph_network
from reseaux import data
from reseaux.errors import ReseauxError
from reseaux.reuse import checkpoints, transfer, weights


def test_glyph_network_shapes(glyphs: weights.Pretrained) -> None:
    x = torch.zeros(3, 3, 32, 32)
    assert glyphs.model(x).shape == (3, 26)
    assert transfer.depth_names(glyphs.model) == ("entrée", "bloc 1", "bloc 2", "fin")
    assert [f.shape for f in transfer.extract_features(glyphs.model, x)] == [
        (3, 4),
        (3, 8),
        (3, 16),
        (3, 32),
    ]


def test_last_features_feed_the_classifier(glyphs: weights.Pretrained) -> None:
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    last = torch.from_numpy(transfer.extract_features(glyphs.model, x)[-1])
    with torch.inference_mode():
        torch.testing.assert_close(glyphs.model.classifier(last), glyphs.model(x))  # type: ignore[operator]


def test_learning_glyphs_learns_and_repeats(saved: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "a.pt", tmp_path / "b.pt"
    history = glyph_network.learn(again, ("latin",), epochs=2, width=4)
    glyph_network.learn(other, ("latin",), epochs=2, width=4, seed=1)
    assert history[-1].loss < history[0].loss
    assert history[-1].accuracy > 3 / 26
    one, two, three = (checkpoints.load(p).state["model"] for p in (saved, again, other))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], three[name]) for name in one)


def test_a_glyph_network_reads_an_image(glyphs: weights.Pretrained) -> None:
    letter = data.glyphs("latin", 16)[0].images[0]
    image = Image.fromarray((255 * letter).astype(np.uint8))
    direct = transfer.prepare(glyphs, letter[None], 32)
    torch.testing.assert_close(glyphs.transform(image), direct[0], atol=0.01, rtol=0)
    assert len(glyphs.predict(image, top=3)) == 3


def test_glyph_errors(tmp_path: Path) -> None:
    with pytest.raises(ReseauxError, match="Aucun alphabet"):
        glyph_network.learn(tmp_path / "x.pt", ())
    with pytest.raises(ReseauxError, match="« grecque » ne désigne pas un alphabet"):
        glyph_network.learn(tmp_path / "x.pt", ("grecque",))
    with pytest.raises(ReseauxError, match="n'existe pas"):
        glyph_network.load(tmp_path / "x.pt")


def test_no_distortion_changes_nothing_and_each_image_has_its_own() -> None:
    x = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)).repeat(3, 1, 1, 1)
    same = glyph_network.distort(torch.Generator().manual_seed(0), amount=0)(x)
    torch.testing.assert_close(same, x, atol=1e-5, rtol=0)
    moved = glyph_network.distort(torch.Generator().manual_seed(0))(x)
    assert moved.shape == x.shape
    assert not torch.allclose(moved[0], moved[1], atol=0.05)


# Ce que tire une déformation, dans l'ordre, entre −1 et 1.
DRAWN = ("angle", "cisaillement", "largeur", "hauteur", "droite", "bas")


def matrix(monkeypatch: pytest.MonkeyPatch, **drawn: float) -> np.ndarray:
    """La matrice 2×3 d'une déformation dont on a choisi le tirage ; ce qu'on ne dit pas vaut 0."""
    left, seen = [drawn.get(name, 0.0) for name in DRAWN], []

    def rand(count: int, generator: torch.Generator) -> torch.Tensor:
        return torch.full((count,), (left.pop(0) + 1) / 2)

    def affine_grid(theta: torch.Tensor, *args: object, **options: object) -> torch.Tensor:
        seen.append(theta[0].numpy())
        return real(theta, *args, **options)

    real = torch.nn.functional.affine_grid
    with monkeypatch.context() as patch:
        patch.setattr(torch, "rand", rand)
        patch.setattr(torch.nn.functional, "affine_grid", affine_grid)
        glyph_network.distort(torch.Generator())(torch.zeros(1, 1, 8, 8))
    assert not left
    return seen[0]


@pytest.mark.parametrize("turn", [-1, 0.4, 1])
def test_an_angle_alone_is_a_rotation(monkeypatch: pytest.MonkeyPatch, turn: float) -> None:
    found = matrix(monkeypatch, angle=turn)
    rotation, moved = found[:, :2], found[:, 2]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(2), atol=1e-6)
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert np.arctan2(rotation[1, 0], rotation[0, 0]) == pytest.approx(0.25 * turn)
    assert 13 < np.degrees(0.25) < 15  # « jusqu'à 14 degrés »
    assert not moved.any()


@pytest.mark.parametrize("sign", [-1, 1])
def test_each_other_draw_does_what_it_is_named(monkeypatch: pytest.MonkeyPatch, sign: int) -> None:
    """Un seul tirage à la fois, donc une seule case de la matrice change."""
    cells = {
        "cisaillement": ((0, 1), 0.2), "largeur": ((0, 0), 0.15), "hauteur": ((1, 1), 0.15),
        "droite": ((0, 2), 0.15), "bas": ((1, 2), 0.15),
    }  # fmt: skip
    for name, (place, most) in cells.items():
        expected = np.eye(2, 3)
        expected[place] += sign * most
        np.testing.assert_allclose(matrix(monkeypatch, **{name: sign}), expected, atol=1e-6)


def test_the_size_is_changed_before_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chaque colonne de la rotation est étirée : des axes restent d'équerre."""
    rotation = matrix(monkeypatch, angle=1)[:, :2]
    both = matrix(monkeypatch, angle=1, largeur=1, hauteur=-1)[:, :2]
    np.testing.assert_allclose(both, rotation @ np.diag([1.15, 0.85]), atol=1e-6)


def test_what_enters_a_distorted_image_is_its_border() -> None:
    """Le fond d'une lettre vaut −1 : des zéros y dessineraient un cadre gris."""
    distorted = glyph_network.distort(torch.Generator().manual_seed(0))
    background = torch.full((8, 3, 16, 16), -1.0)
    torch.testing.assert_close(distorted(background), background)
