"""La sonde linéaire : une régression logistique sur les caractéristiques d'une profondeur."""

import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from reseaux.arguments import Positive, Seed, at_least, checked
from reseaux.errors import ReseauxError
from reseaux.reuse.backbone import Features

# Au-delà, un carré ne tient plus dans un flottant : la variance serait infinie.
_LARGEST = 1e18
# Ce que l'arrondi en float32 peut changer à une probabilité.
_FAITHFUL = 1e-3


@checked
def linear_probe(vectors: Features, labels: NDArray[Any], strength: Positive = 1.0) -> Any:
    """Apprend une sonde : caractéristiques centrées et réduites, puis régression logistique.

    Args:
        vectors: N×C.
        labels: N entiers, au moins deux classes.
        strength: inverse de la régularisation (« C » de scikit-learn).

    Returns:
        Le classifieur scikit-learn ; ``.score(vectors, labels)`` donne son exactitude.

    Raises:
        ReseauxError: une seule classe, valeurs NaN, pas une étiquette par vecteur.
    """
    _check(vectors, labels)
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # Moins d'images que de caractéristiques : la solution est dans l'espace des images. Y tourner
    # les axes (ACP sans rien perdre) donne le même classifieur, bien plus vite.
    wide = vectors.shape[1] > vectors.shape[0]
    classifier = make_pipeline(
        StandardScaler(),
        PCA(svd_solver="full") if wide else "passthrough",
        LogisticRegression(C=strength, max_iter=2000),
    )
    # Ces matrices sont petites : plusieurs fils d'exécution passeraient leur temps à s'attendre.
    with (
        threadpool_limits(1, user_api="blas"),
        warnings.catch_warnings(),
        np.errstate(invalid="ignore"),  # des images toutes pareilles : l'ACP divise zéro par zéro
    ):
        # Peu d'images par classe : scikit-learn se demande si les étiquettes sont des mesures.
        warnings.filterwarnings("ignore", "The number of unique classes")
        return classifier.fit(vectors, labels)


def _check(vectors: Features, labels: NDArray[Any]) -> None:
    """Refuse ce qu'une sonde ne peut pas apprendre."""
    if vectors.ndim != 2 or vectors.dtype.kind not in "fiu" or not vectors.size:
        raise ReseauxError(
            f"Caractéristiques de forme {vectors.shape} et de type {vectors.dtype} ; il faut N×C "
            "nombres, au moins un."
        )
    if labels.shape != vectors.shape[:1] or labels.dtype.kind not in "iu":
        raise ReseauxError(
            f"Étiquettes de forme {labels.shape} et de type {labels.dtype} pour {len(vectors)} "
            "vecteurs ; il faut un entier par vecteur."
        )
    if not float(np.abs(vectors).max()) < _LARGEST:  # faux aussi pour NaN
        raise ReseauxError("Des caractéristiques sont infinies, NaN ou démesurées.")
    if len(np.unique(labels)) < 2:
        raise ReseauxError("Une sonde sépare des classes : il en faut au moins deux.")


@checked
def as_linear_layer(classifier: Any) -> nn.Linear:
    """Réécrit une sonde en une seule couche linéaire : de simples nombres, qui se sauvent.

    Centrer, réduire, tourner les axes puis séparer : chaque étape est affine, leur suite aussi.

    Args:
        classifier: ce que rend :func:`linear_probe`.

    Returns:
        Une couche C → K ; le softmax de ses sorties est ``classifier.predict_proba``.

    Raises:
        ReseauxError: ce n'est pas une sonde apprise, ou une couche ne la vaudrait pas.
    """
    try:
        scaler, rotation, logistic = (step for _, step in classifier.steps)
        weight, bias = logistic.coef_, logistic.intercept_
        if len(logistic.classes_) == 2:  # scikit-learn ne garde que la seconde des deux classes
            weight, bias = np.vstack([0 * weight, weight]), np.concatenate([0 * bias, bias])
        if rotation != "passthrough":
            weight = weight @ rotation.components_
            bias = bias - weight @ rotation.mean_
        weight = weight / scaler.scale_
        bias = bias - weight @ scaler.mean_
        layer = nn.Linear(
            weight.shape[1], weight.shape[0], device="meta"
        )  # sans rien tirer au hasard
        layer.weight, layer.bias = (
            nn.Parameter(torch.from_numpy(x).float(), requires_grad=False) for x in (weight, bias)
        )
        with torch.no_grad():
            # Une étape que l'on ne connaît pas, un nombre trop grand : la couche est essayée.
            noise = np.random.default_rng(0).normal(size=(64, weight.shape[1]))
            tried = (scaler.mean_ + scaler.scale_ * noise).astype(np.float32)
            chances = layer(torch.from_numpy(tried)).softmax(dim=1).numpy()
        gap = np.abs(chances - classifier.predict_proba(tried)).max()
    except (AttributeError, TypeError, ValueError):
        raise ReseauxError(
            f"Un objet « {type(classifier).__name__} » n'est pas une sonde ; donnez ce que rend "
            "« linear_probe »."
        ) from None
    if not gap < _FAITHFUL:
        raise ReseauxError(
            f"Les probabilités de la couche s'écartent de {gap:.2g} de celles de la sonde : une "
            "étape y est faite autrement que dans « linear_probe », ou les caractéristiques sont "
            "trop loin de zéro pour leur dispersion. Centrez-les, puis apprenez la sonde."
        )
    return layer


@checked
def choose_depth(
    vectors: Sequence[Features],
    labels: NDArray[Any],
    folds: Annotated[int, at_least(2)] = 4,
    seed: Seed = 0,
) -> tuple[int, list[float]]:
    """Choisit la profondeur dont la sonde répond le mieux, par validation croisée.

    Args:
        vectors: les caractéristiques à chaque profondeur, N×C.
        labels: N entiers.
        folds: nombre de parts ; les classes y sont réparties également.
        seed: graine du partage.

    Returns:
        La profondeur (à égalité, la plus lointaine) et l'exactitude de chacune.

    Raises:
        ReseauxError: aucune profondeur, aucune classe n'a deux images, ou une seule classe.
    """
    if not vectors:
        raise ReseauxError("Aucune profondeur à comparer ; donnez ses caractéristiques à chacune.")
    for known in vectors:
        _check(known, labels)
    if np.unique(labels, return_counts=True)[1].max() < 2:
        raise ReseauxError(
            "Pas assez d'images pour choisir la profondeur : il en faut deux dans une classe. "
            "Donnez la profondeur vous-même."
        )
    rng = np.random.default_rng(seed)
    fold = np.empty(len(labels), np.int64)
    offset = 0  # d'une classe à l'autre, on continue de tourner : les parts restent égales
    for k in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == k))
        fold[members] = (offset + np.arange(len(members))) % folds
        offset += len(members)
    scores = []
    for known in vectors:
        right = 0
        for held in (fold == k for k in range(folds)):
            if held.any() and len(np.unique(labels[~held])) > 1:
                classifier = linear_probe(known[~held], labels[~held])
                right += int((classifier.predict(known[held]) == labels[held]).sum())
        scores.append(right / len(labels))
    best = max(range(len(scores)), key=lambda depth: (scores[depth], depth))
    return best, scores
