"""Le plan commun : un tronc, des modules, une tête, et parfois des têtes auxiliaires."""

import torch
from torch import Tensor, nn

from reseaux.architectures.staged import Staged


class Add(nn.Module):
    """Ajoute un nombre : l'ordre des appels se lit dans le résultat."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        return 10 * x + self.n


def staged() -> Staged:
    net = Staged()
    net.stem, net.head = Add(1), Add(4)
    net.blocks = nn.ModuleDict({"a": Add(2), "b": Add(3)})
    return net


def test_the_parts_follow_one_another():
    assert staged()(torch.tensor(0)).item() == 1234


def test_auxiliary_heads_follow_their_block_when_training():
    net = staged()
    net.aux = nn.ModuleDict({"a": Add(9)})
    assert [scores.item() for scores in net(torch.tensor(0))] == [1234, 129]
    assert net.eval()(torch.tensor(0)).item() == 1234
