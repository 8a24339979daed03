"""Les cartes de chaleur, contre une formule : au bout d'un réseau à moyenne, Grad-CAM est CAM."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision import models

from reseaux import data
from reseaux.errors import ReseauxError
from reseaux.reuse import attention, weights

NAMES = ["chelsea", "coffee", "camera", "china", "flower", "rocket", "clock", "astronaut"]
PHOTOS = [data.photo(name) for name in NAMES]


@pytest.fixture(scope="module")
def net() -> weights.Pretrained:
    return weights.load()


@pytest.mark.parametrize("chosen", [None, 504])
def test_maps_follow_the_closed_formula(net: weights.Pretrained, chosen: int | None) -> None:
    """Moyenne puis couche linéaire : la carte est la somme des canaux, pesés par la classe."""
    batch = attention.prepare(net, PHOTOS[:3])
    with torch.inference_mode():
        features = net.model.forward_features(batch)  # type: ignore[operator]
        answers = net.model(batch).argmax(1) if chosen is None else torch.full((3,), chosen)
        small = torch.einsum("nchw,nc->nhw", features, net.model.classifier.weight[answers])
        large = F.interpolate(small[:, None], (224, 224), mode="bilinear")[:, 0]
    expected = large / large.abs().amax((1, 2), keepdim=True)
    classes = None if chosen is None else [chosen] * 3
    got = attention.heat_maps(net, PHOTOS[:3], classes)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)


def test_what_is_hot_matters(net: weights.Pretrained) -> None:
    batch, maps = attention.prepare(net, PHOTOS), attention.heat_maps(net, PHOTOS)
    with torch.inference_mode():
        answers = net.model(batch).argmax(1, keepdim=True)

        def kept(hidden: torch.Tensor) -> torch.Tensor:
            return net.model(hidden).softmax(1).gather(1, answers)

        for fraction in (0.1, 0.25):
            hot = kept(attention.hide(batch, maps, fraction))
            cold = kept(attention.hide(batch, -maps, fraction))
            assert hot.mean() < cold.mean() - 0.1
            assert (hot < cold).sum() >= 7


def test_hiding_covers_the_hottest_share_and_touches_nothing_else() -> None:
    batch = torch.ones(2, 3, 4, 5)
    heat = torch.arange(40.0).view(2, 4, 5)
    hidden = attention.hide(batch, heat, 0.25)
    assert torch.equal(hidden[:, 0].flatten(1), (torch.arange(20) < 15).float().expand(2, -1))
    assert torch.equal(batch, torch.ones(2, 3, 4, 5))
    assert torch.equal(attention.hide(batch, heat, 0), batch)


def test_the_last_maps_are_found() -> None:
    batch = torch.zeros(1, 3, 64, 64)
    resnet = models.resnet18(weights=None).eval()
    assert attention.last_maps(resnet, batch) is resnet.layer4
    mobilenet = models.mobilenet_v3_small(weights=None).eval()
    assert attention.last_maps(mobilenet, batch) is mobilenet.features


@pytest.mark.parametrize(
    "model", [models.vit_b_16(weights=None), nn.Sequential(nn.Flatten(), nn.Linear(3, 2))]
)
def test_a_network_without_maps_is_refused(model: nn.Module) -> None:
    side = 224 if isinstance(model, models.VisionTransformer) else 1
    with pytest.raises(ReseauxError, match="Grad-CAM demande un réseau convolutif"):
        attention.last_maps(model.eval(), torch.zeros(1, 3, side, side))


def test_mistakes_are_explained(net: weights.Pretrained) -> None:
    with pytest.raises(ReseauxError, match="Aucune image"):
        attention.heat_maps(net, [])
    with pytest.raises(ReseauxError, match="2 classes pour 1 images"):
        attention.heat_maps(net, PHOTOS[:1], [1, 2])
    with pytest.raises(ReseauxError, match="« fraction » vaut 10 ; il faut un nombre, de 0 à 1"):
        attention.hide(torch.ones(1, 3, 2, 2), torch.ones(1, 2, 2), 10)


def test_the_figure_names_each_answer(net: weights.Pretrained) -> None:
    figure = attention.draw_attention(net, PHOTOS[1:3], columns=2)
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert titles == [rows[0].french for rows in net.predict(PHOTOS[1:3], top=1)]
    assert [len(ax.images) for ax in figure.axes] == [1, 1, 2, 2]


def test_each_photo_has_its_place_and_its_own_scale(net: weights.Pretrained) -> None:
    dark = PHOTOS[1].point(lambda value: value // 8)
    figure = attention.draw_attention(net, [PHOTOS[0], dark, PHOTOS[2]], columns=2)
    grid = np.array(figure.axes).reshape(4, 2)
    assert [[bool(ax.get_title()) for ax in row] for row in grid] == [
        [True, True],
        [False, False],
        [True, False],
        [False, False],
    ]
    assert [[len(ax.images) for ax in row] for row in grid] == [[1, 1], [2, 2], [1, 0], [2, 0]]
    for ax in (grid[0, 0], grid[0, 1], grid[2, 0]):
        shown = ax.images[0].get_array()
        assert (shown.min(), shown.max()) == pytest.approx((0, 1))


def test_the_share_is_rounded_and_the_largest_value_is_one_in_size() -> None:
    hidden = attention.hide(torch.ones(1, 3, 4, 5), torch.arange(20.0).view(1, 4, 5), 0.19)
    assert (hidden[:, 0] == 0).sum() == 4  # 3,8 pixels
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    head = nn.Linear(2, 2)
    head.weight.data = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])  # la seconde : tout plaide contre
    names = ("a", "b")
    model = nn.Sequential(*layers, head).eval()
    net = weights.Pretrained("petit", model, lambda _: torch.rand(3, 8, 8), names, names)
    heat = attention.heat_maps(net, PHOTOS[:1], [1])
    assert heat.max() <= 0
    assert heat.min() == -1
