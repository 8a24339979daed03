"""Le plan de la plupart des réseaux : un tronc, des modules qui se suivent, une tête."""

from torch import Tensor, nn


class Staged(nn.Module):
    """Un réseau en trois parties, que la classe fille construit : images → N×``num_classes``.

    Dans ``aux``, s'il y en a, chaque classifieur auxiliaire porte le nom du module qu'il suit.
    """

    stem: nn.Module
    blocks: nn.ModuleDict
    head: nn.Module

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Rend les scores avant softmax ; à l'entraînement, ceux des têtes auxiliaires aussi."""
        heads = getattr(self, "aux", {}) if self.training else {}
        x = self.stem(x)
        auxiliary = []
        for name, block in self.blocks.items():
            x = block(x)
            if name in heads:
                auxiliary.append(heads[name](x))
        scores: Tensor = self.head(x)
        return (scores, *auxiliary) if auxiliary else scores
