"""Mesurer un classifieur : intervalles de confiance et matrice de confusion, partout les mêmes.

Une proportion (tant de bonnes réponses sur tant) a l'intervalle de Wilson ; la moyenne de quelques
tirages, celui de Student. Les formules sont celles de scipy, la matrice celle de scikit-learn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reseaux.arguments import Count, between, checked, fit
from reseaux.errors import ReseauxError
from reseaux.formatting import NBSP, decimal

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Interval:
    """Une estimation et son intervalle de confiance, de ``low`` à ``high``.

    Celui de Student est centré sur l'estimation ; celui de Wilson penche vers la moitié.
    """

    mean: float
    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse ce qui n'est pas un nombre."""
        for name, value in vars(self).items():
            fit(name, value, float)

    @property
    def half(self) -> float:
        """La moitié de la largeur : l'écart de part et d'autre de la moyenne s'il est centré."""
        return (self.high - self.low) / 2

    def __str__(self) -> str:
        """Écrit une proportion en pour cent : « 87,3 ± 0,6 % », ou ses bornes s'il est décentré."""
        if not math.isclose(self.high - self.mean, self.mean - self.low, abs_tol=1e-9):
            low, high = decimal(100 * self.low), decimal(100 * self.high)
            return f"{decimal(100 * self.mean)}{NBSP}% (de {low} à {high}{NBSP}%)"
        return f"{decimal(100 * self.mean)} ± {decimal(100 * self.half)}{NBSP}%"


# Plus près de 1, l'intervalle serait infini.
Confidence = Annotated[float, between(0, 1 - 1e-12, open=True)]


@checked
def wilson(successes: int, total: Count, confidence: Confidence = 0.95) -> Interval:
    """Intervalle de Wilson d'une proportion.

    Contrairement à « moyenne ± 2 écarts types », il reste entre 0 et 1, et il garde une largeur
    quand toutes les réponses sont bonnes.

    Args:
        successes: nombre de bonnes réponses.
        total: nombre de réponses, au moins 1.
        confidence: niveau de confiance, strictement entre 0 et 1.

    Raises:
        ReseauxError: nombres qui ne forment pas une proportion, niveau hors bornes.
    """
    from scipy.stats import binomtest

    if not 0 <= successes <= total:
        raise ReseauxError(
            f"{successes} bonnes réponses sur {total} : il en faut de 0 à autant que de réponses."
        )
    found = binomtest(successes, total).proportion_ci(confidence, method="wilson")
    return Interval(successes / total, float(found.low), float(found.high))


@checked
def mean_interval(values: ArrayLike, confidence: Confidence = 0.95) -> Interval:
    """Moyenne de mesures indépendantes, et son intervalle de Student.

    Args:
        values: au moins deux mesures.
        confidence: niveau de confiance, strictement entre 0 et 1.

    Raises:
        ReseauxError: moins de deux mesures, une mesure qui n'est pas un nombre, niveau hors bornes.
    """
    from scipy import stats

    try:
        if np.ma.is_masked(values):  # NumPy oublierait le masque
            raise ValueError
        measures = np.asarray(values)
    except (TypeError, ValueError, RuntimeError):
        raise ReseauxError("Les mesures ne forment pas une liste de nombres.") from None
    if measures.dtype.kind not in "biuf":
        raise ReseauxError(f"Mesures de type {measures.dtype} ; donnez des nombres réels.")
    measures = measures.astype(float)
    if measures.ndim != 1 or len(measures) < 2:
        raise ReseauxError(
            f"Mesures de forme {measures.shape} ; un intervalle demande une liste d'au moins "
            "2 mesures."
        )
    if not np.isfinite(measures).all():
        raise ReseauxError("Une mesure est infinie ou n'est pas un nombre (NaN).")
    with np.errstate(over="ignore", invalid="ignore"):
        mean, error = float(measures.mean()), float(stats.sem(measures))
    half = float(stats.t.ppf((1 + confidence) / 2, len(measures) - 1)) * error
    if not math.isfinite(abs(mean) + half):
        raise ReseauxError("Des mesures sont trop grandes pour qu'on en fasse la moyenne.")
    return Interval(mean, mean - half, mean + half)


@checked
def draw_confusion(
    ax: "Axes", truth: NDArray[Any], answers: NDArray[Any], names: Sequence[str]
) -> None:
    """Dessine la matrice de confusion : une ligne par vraie classe, une colonne par réponse.

    Args:
        truth: la vraie classe de chaque image, de 0 à ``len(names) - 1``.
        answers: la classe répondue.

    Raises:
        ReseauxError: pas autant de réponses que d'images, ou une classe que rien ne nomme.
    """
    from matplotlib.axes import Axes
    from sklearn.metrics import ConfusionMatrixDisplay

    fit("ax", ax, Axes)
    options = {"cmap": "Blues", "colorbar": False, "values_format": "d"}
    labels = range(len(names))
    whole = truth.dtype.kind in "iu" and answers.dtype.kind in "iu"
    if truth.shape != answers.shape or not whole or not np.isin((truth, answers), labels).all():
        raise ReseauxError(
            f"{truth.size} vraies classes et {answers.size} réponses ; il en faut autant, toutes "
            f"de 0 à {len(names) - 1}."
        )
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, (truth, answers), 1)
    ConfusionMatrixDisplay(counts).plot(ax=ax, **options)
    ax.grid(visible=False)
    # « $ » dans un nom n'ouvre pas une formule.
    ax.set_xticks(labels, names, rotation=40, ha="right", parse_math=False)
    ax.set_yticks(labels, names, parse_math=False)
    ax.set(xlabel="classe répondue", ylabel="vraie classe")
