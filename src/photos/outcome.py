"""Les réponses d'un classifieur sur des images de test : ce qu'il vaut, et où il se trompe."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reseaux import measures
from reseaux.formatting import integer, percent
from reseaux.tables import Table

WORST = 12  # erreurs et confusions montrées
READABLE = 20  # classes au-delà desquelles une matrice ne se lit plus case par case


@dataclass(frozen=True)
class Outcome:
    """Les réponses d'un classifieur sur des images de test.

    Attributes:
        names: les classes.
        files: le fichier de chaque image.
        truth: la vraie classe de chacune.
        probabilities: N×K.
    """

    names: tuple[str, ...]
    files: tuple[str, ...]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @cached_property
    def answers(self) -> NDArray[np.int64]:
        """La classe la plus probable de chaque image."""
        found: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return found

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """La matrice de confusion, K×K : une ligne par vraie classe, une colonne par réponse."""
        from sklearn.metrics import confusion_matrix

        counts: NDArray[np.int64] = confusion_matrix(
            self.truth, self.answers, labels=range(len(self.names))
        )
        return counts

    @property
    def right(self) -> int:
        """Nombre de bonnes réponses."""
        return int(self.confusion.trace())

    @cached_property
    def worst(self) -> list[int]:
        """Les images mal classées, de l'erreur la plus sûre d'elle à la plus hésitante."""
        wrong = np.flatnonzero(self.answers != self.truth)
        certainty = self.probabilities.max(axis=1)
        return sorted(wrong.tolist(), key=lambda i: -float(certainty[i]))

    def accuracy(self) -> str:
        """L'exactitude et son intervalle, en une phrase, avec le score de qui n'a rien appris."""
        total = len(self.truth)
        interval = measures.wilson(self.right, total)
        commonest = int(self.confusion.sum(axis=1).max()) / total
        return (
            f"Exactitude sur le test : {percent(self.right / total)} "
            f"({integer(self.right)} sur {integer(total)}), "
            f"intervalle à 95 % : de {percent(interval.low)} à {percent(interval.high)}.\n"
            f"Répondre toujours la classe la plus fréquente donnerait {percent(commonest)}."
        )

    def told(self, i: int) -> tuple[str, str, str]:
        """La vraie classe d'une image, la réponse, et la probabilité de celle-ci."""
        certainty = float(self.probabilities[i].max())
        return self.names[self.truth[i]], self.names[self.answers[i]], percent(certainty, 0)

    def mistakes(self) -> Table:
        """Les images mal classées."""
        return Table(
            "Les erreurs, de la plus sûre d'elle à la plus hésitante",
            ("fichier", "vraie classe", "réponse", "probabilité"),
            [(self.files[i], *self.told(i)) for i in self.worst],
        )

    def confused_pairs(self) -> Table:
        """Les confusions les plus fréquentes."""
        wrong = self.confusion - np.diag(self.confusion.diagonal())
        pairs = [(self.names[i], self.names[j], int(wrong[i, j])) for i, j in np.argwhere(wrong)]
        rows = sorted(pairs, key=lambda pair: -pair[2])[:WORST]
        return Table(
            "Les confusions les plus fréquentes", ("vraie classe", "réponse", "images"), rows
        )

    def by_class(self) -> Table:
        """L'exactitude de chaque classe testée, de la plus basse à la plus haute."""
        tested, right = self.confusion.sum(axis=1), self.confusion.diagonal()
        order = sorted(np.flatnonzero(tested).tolist(), key=lambda k: right[k] / tested[k])
        rows = [
            (self.names[k], int(tested[k]), percent(float(right[k] / tested[k]), 0)) for k in order
        ]
        return Table("Exactitude par classe", ("classe", "images de test", "exactitude"), rows)
