"""Un lot passe par un réseau, ou l'erreur dit pourquoi."""

import pytest
import torch
from torch import nn

from reseaux.errors import ReseauxError
from reseaux.reuse import forward, training


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))


def test_each_layer_gets_its_own_mode_back() -> None:
    model = network().train()
    model[1].eval()
    training.predict(model, torch.randn(3, 3))
    assert [part.training for part in model] == [True, False, True, True]
    with pytest.raises(ReseauxError, match=r"« Sequential » refuse un lot de forme \(2, 5\)"):
        training.predict(model, torch.zeros(2, 5))
    assert [part.training for part in model] == [True, False, True, True]


@pytest.mark.parametrize("model", [nn.Flatten(), nn.Linear(3, 2, device="meta")])
def test_a_network_without_weights_is_refused(model: nn.Module) -> None:
    with pytest.raises(ReseauxError, match="pas de poids"):
        training.predict(model, torch.ones(2, 3))


@pytest.mark.parametrize(
    "end", [nn.Unflatten(1, (1, 2)), nn.Flatten(0), nn.LSTM(2, 2)], ids=["maps", "flat", "pair"]
)
def test_other_outputs_than_scores_are_refused(end: nn.Module) -> None:
    with pytest.raises(ReseauxError, match="N×K scores"):
        training.predict(nn.Sequential(network(), end), torch.ones(2, 3))


def test_floats_take_the_type_of_the_weights_and_bytes_do_not() -> None:
    model, x = network().eval(), torch.rand(2, 3)
    assert torch.equal(forward.run(model, x.double()), model(x))
    assert forward.run(model.double(), x).dtype == torch.float64
    with pytest.raises(ReseauxError, match=r"« Sequential » refuse .* torch\.uint8"):
        forward.run(model, torch.zeros(2, 3, dtype=torch.uint8))


def test_a_network_of_two_inputs_is_named() -> None:
    with pytest.raises(ReseauxError, match="« Bilinear » refuse un lot"):
        training.predict(nn.Bilinear(3, 3, 2), torch.ones(2, 3))


def test_a_lack_of_memory_is_not_the_fault_of_the_images() -> None:
    def lack(*_: object) -> None:
        raise torch.OutOfMemoryError("trop grand")

    model = network()
    model.register_forward_pre_hook(lack)
    with pytest.raises(torch.OutOfMemoryError):
        forward.run(model, torch.rand(2, 3))


@pytest.mark.parametrize(
    ("images", "dimensions", "message"),
    [
        (torch.zeros(0, 3), None, "au moins une image"),
        (torch.zeros(3), None, "de forme"),
        (torch.zeros(2, 3), 4, "de forme"),
        (torch.zeros(2, 3, dtype=torch.int64), None, "flottants"),
        (torch.zeros(2, 3, dtype=torch.complex64), None, "flottants"),
        (torch.zeros(2, 3, device="meta"), None, "de forme"),
        (torch.ones(2, 3).to_sparse(), None, "tenseur dense"),
        (torch.tensor([[0.0, torch.nan]]), None, "NaN"),
        (torch.tensor([[0.0, torch.inf]]), None, "infinies"),
    ],
)
def test_what_is_not_a_batch_of_images(
    images: torch.Tensor, dimensions: int | None, message: str
) -> None:
    with pytest.raises(ReseauxError, match=message):
        forward.check_images(images, dimensions)
    forward.check_images(torch.zeros(1, 3, 2, 2, dtype=torch.uint8), 4)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_scores_that_say_nothing_are_refused(bad: float) -> None:
    """Un « argmax » y répondrait la première classe."""
    model = network().eval()
    model[3].bias.data[:] = bad
    for answer in (training.predict, forward.scores_of):
        with pytest.raises(ReseauxError, match="infinis ou NaN"):
            answer(model, torch.rand(2, 3))
    model[3].bias.data[:] = torch.tensor([0, -torch.inf])  # une classe exclue : une réponse
    assert training.predict(model, torch.rand(2, 3)).tolist() == [0, 0]
