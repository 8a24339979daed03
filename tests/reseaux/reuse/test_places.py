"""Le réseau est sur une carte graphique, les images sur le processeur : tout se rejoint."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import models

from experiments import starts
from imaginary_card import CARD, ImaginaryCard
from reseaux import data
from reseaux.reuse import attention, backbone, training, transfer
from reseaux.reuse.weights import Pretrained

PHOTOS = [data.photo("coffee").resize((64, 64)), data.photo("chelsea").resize((64, 64))]


def network() -> Pretrained:
    torch.manual_seed(0)
    model = models.resnet18(weights=None, num_classes=4).eval()
    transform = models.ResNet18_Weights.DEFAULT.transforms(crop_size=64, resize_size=64)
    return Pretrained("resnet18", model, transform, tuple("abcd"), tuple("abcd"))


def images() -> torch.Tensor:
    return torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


LABELS = torch.tensor([0, 1, 0, 1])


def tune(net: Pretrained) -> torch.Tensor:
    model = transfer.fine_tune(net, images(), LABELS, 2, first_trained=3, epochs=2, batch_size=2)
    return model.get_parameter("fc.weight").detach()


USES: dict[str, Callable[[Pretrained], torch.Tensor]] = {
    "predict": lambda net: training.predict(net.model, images()),
    "accuracy": lambda net: torch.tensor(training.accuracy(net.model, images(), LABELS)),
    "features": lambda net: torch.from_numpy(
        np.concatenate(transfer.extract_features(net.model, images()), axis=1)
    ),
    "fine_tune": tune,
    "cut": lambda net: training.predict(starts.cut(net, 2, 32).model, images()),
    "new_head": lambda net: backbone.new_head(net.model, 3, 0).get_parameter("weight").detach(),
    "heat_maps": lambda net: attention.heat_maps(net, PHOTOS, [1, 2]),
    "hide": lambda net: attention.hide(
        attention.prepare(net, PHOTOS), attention.heat_maps(net, PHOTOS), 0.2
    ),
    "draw_attention": lambda net: torch.tensor(len(attention.draw_attention(net, PHOTOS).axes)),
    "decode": lambda net: torch.tensor(net.decode(images(), top=1)[0][0].probability),
}


@pytest.mark.parametrize("use", USES)
def test_a_network_on_a_card_gives_what_it_gives_on_the_processor(use: str) -> None:
    expected = USES[use](network())
    net = network()
    with ImaginaryCard(net.model):
        assert next(net.model.parameters()).device == CARD
        found = USES[use](net)
    torch.testing.assert_close(found, expected)


def test_the_card_is_as_strict_as_a_real_one() -> None:
    layer = nn.Linear(2, 2)
    with ImaginaryCard(layer):
        for mixed in (
            lambda: layer(torch.ones(1, 2)),
            lambda: layer.weight + torch.ones(2, 2),
            lambda: layer.weight.detach().numpy(),
            lambda: torch.cat([layer.bias, torch.ones(2)]),
        ):
            with pytest.raises(AssertionError):
                mixed()
        assert layer(torch.ones(1, 2, device=CARD)).device == CARD
        assert layer(torch.ones(1, 2).to(CARD)).cpu().detach().numpy().shape == (1, 2)
        assert torch.ones(2).to(layer.weight.device)[1:].device == CARD
