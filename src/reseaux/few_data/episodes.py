"""Les épisodes « N classes, K exemples » : les tirer, y répondre, les noter."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from reseaux.arguments import Count, Positive, Seed, at_least, checked
from reseaux.errors import ReseauxError
from reseaux.few_data.checks import check_values
from reseaux.reuse.forward import answering

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Episode:
    """Un petit problème : N classes, K exemples étiquetés de chacune, Q questions sur chacune.

    Attributes:
        classes: les N classes tirées.
        support: N×K, l'indice de chaque exemple ; la ligne ``i`` est la classe ``classes[i]``.
        queries: N×Q, l'indice de chaque image à reconnaître, sur le même modèle.
    """

    classes: Indices
    support: Indices
    queries: Indices

    @property
    def answers(self) -> Indices:
        """Les bonnes réponses, N×Q : le numéro de la ligne, de 0 à N − 1."""
        answers: Indices = np.indices(self.queries.shape)[0]
        return answers


@checked
def sample(
    labels: ArrayLike,
    ways: Annotated[int, at_least(2)],
    shots: Count,
    queries: Count,
    count: Count,
    seed: Seed,
) -> Iterator[Episode]:
    """Tire des épisodes « N classes, K exemples » (*N-way K-shot*).

    Args:
        labels: l'étiquette de chaque image.
        ways: N, nombre de classes d'un épisode.
        shots: K, nombre d'exemples étiquetés par classe.
        queries: Q, nombre d'images à reconnaître par classe.
        count: nombre d'épisodes ; la même graine redonne les mêmes.

    Raises:
        ReseauxError: plus de classes ou d'exemples demandés qu'il n'y en a ; étiquettes absentes
            ou qui ne sont pas des entiers (NaN compris).
    """
    members = _members(labels)
    if ways > len(members):
        raise ReseauxError(
            f"{ways} classes demandées par épisode ; les étiquettes n'en ont que {len(members)}. "
            f"Demandez au plus {len(members)} classes."
        )
    fewest = min(members, key=lambda k: len(members[k]))
    if shots + queries > len(members[fewest]):
        raise ReseauxError(
            f"{shots} exemples et {queries} questions font {shots + queries} images par classe ; "
            f"la classe {fewest} n'en a que {len(members[fewest])}. Réduisez l'un ou l'autre."
        )

    def draws() -> Iterator[Episode]:
        rng, names = np.random.default_rng(seed), np.array(list(members))
        for _ in range(count):
            chosen = rng.choice(names, ways, replace=False)
            rows = [rng.choice(members[k], shots + queries, replace=False) for k in chosen]
            support, asked = np.split(np.stack(rows), [shots], axis=1)
            yield Episode(chosen, support, asked)

    return draws()  # la vérification est faite à l'appel, le tirage au fil de la boucle


def _members(labels: ArrayLike) -> dict[int, Indices]:
    try:
        labels = np.asarray(labels)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ReseauxError(
            "Étiquettes qui ne font pas un tableau ; donnez une liste d'entiers, une par image."
        ) from error
    if labels.ndim != 1 or not len(labels):
        raise ReseauxError(
            f"Étiquettes de forme {labels.shape} ; donnez une liste d'étiquettes, une par image."
        )
    if labels.dtype.kind not in "iu":
        raise ReseauxError(
            f"Étiquettes de type {labels.dtype} (la première : {labels[0]}) ; une étiquette est un "
            "entier. Numérotez les classes à partir de 0."
        )
    return {int(k): np.flatnonzero(labels == k) for k in np.unique(labels)}


@checked
def nearest_prototype(support: Tensor, queries: Tensor) -> Tensor:
    """Range chaque question dans la classe dont le prototype est le plus proche.

    Le prototype d'une classe est la moyenne de ses exemples (Snell 2017).

    Args:
        support: N×K×D, les K exemples de chacune des N classes.
        queries: …×D, les images à reconnaître.

    Returns:
        Un tenseur …×N de scores : l'opposé de la distance au carré. ``argmax(-1)`` donne la
        classe ; un softmax, sa probabilité.

    Raises:
        ReseauxError: dimensions qui ne vont pas ensemble, support vide, valeur qui n'est pas un
            nombre réel et fini.
    """
    support, queries = _checked_numbers(support, queries)
    prototypes = support.mean(dim=1)
    return -(queries[..., None, :] - prototypes).square().sum(-1)


@checked
def last_layer(support: Tensor, queries: Tensor, strength: Positive = 10.0) -> Tensor:
    """Apprend une dernière couche sur le support, par régression logistique, et l'applique.

    C'est le réglage fin réduit au classifieur : la représentation reste gelée. Les exemples sont
    d'abord centrés, puis ramenés à une longueur moyenne de 1.

    Args:
        support: N×K×D, N au moins 2 ; comme ``queries``, voir :func:`nearest_prototype`.
        strength: inverse de la régularisation (« C » de scikit-learn).

    Returns:
        Un tenseur …×N de scores, comme :func:`nearest_prototype`.

    Raises:
        ReseauxError: voir :func:`nearest_prototype` ; ou moins de deux classes.
    """
    from sklearn import config_context
    from sklearn.linear_model import LogisticRegression

    support, queries = (x.detach().cpu() for x in _checked_numbers(support, queries))
    ways, shots, size = support.shape
    if ways < 2:
        raise ReseauxError("Une seule classe dans le support ; il en faut au moins deux.")
    # Les exemples sont moins nombreux que leurs dimensions : la solution est dans l'espace qu'ils
    # engendrent. Y tourner les axes donne le même classifieur, bien plus vite.
    known = support.flatten(0, 1).double()
    center = known.mean(0)
    scale = (known - center).norm(dim=1).mean().clamp(min=1e-12)
    axes = torch.linalg.svd(known - center, full_matrices=False).Vh.T / scale
    classifier = LogisticRegression(C=strength, max_iter=1000)
    asked = (queries.reshape(-1, size).double() - center) @ axes
    with (
        config_context(assume_finite=True, skip_parameter_validation=True),  # déjà vérifié
        warnings.catch_warnings(),
    ):
        # Peu d'exemples par classe : scikit-learn se demande si les étiquettes sont des mesures.
        warnings.filterwarnings("ignore", "The number of unique classes")
        classifier.fit(((known - center) @ axes).numpy(), np.repeat(np.arange(ways), shots))
        # Sans question, scikit-learn échouerait.
        chances = classifier.predict_log_proba(asked.numpy()) if len(asked) else np.empty(0)
    return torch.from_numpy(chances).reshape(*queries.shape[:-1], ways)


def _checked_numbers(support: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
    """Le support et les questions, en flottants : des octets soustraits feraient le tour."""
    check_values(support, queries)
    if support.ndim != 3 or queries.shape[-1:] != support.shape[-1:]:
        raise ReseauxError(
            f"Exemples de forme {tuple(support.shape)} et questions de forme "
            f"{tuple(queries.shape)} ; il faut (N, K, D) et (…, D)."
        )
    if not support.numel():
        raise ReseauxError(
            f"Support vide, de forme {tuple(support.shape)} : une classe sans exemple n'a pas de "
            "prototype. Donnez au moins un exemple par classe."
        )
    for name, values in (("un exemple", support), ("une question", queries)):
        if not values.isfinite().all():
            raise ReseauxError(
                f"Dans {name}, une valeur est infinie ou n'est pas un nombre (NaN) : aucune "
                "distance n'aurait de sens. Vérifiez les images et le réseau qui les représente."
            )
    wide = torch.promote_types(torch.promote_types(support.dtype, queries.dtype), torch.float32)
    return support.to(wide), queries.to(wide)


@checked
def verified(images: Tensor, tasks: Iterable[Episode]) -> Iterator[Episode]:
    """Rend les épisodes un à un, une fois vérifié que leurs images existent.

    Raises:
        ReseauxError: ce ne sont pas des épisodes, ou ils viennent d'un ensemble plus grand.
    """
    check_values(images)
    if images.ndim < 2:
        raise ReseauxError(
            f"Images de forme {tuple(images.shape)} ; il faut une ligne par image, (M, …)."
        )
    for task in tasks:
        if not isinstance(task, Episode):
            raise ReseauxError(f"{task!r} n'est pas un épisode ; tirez-les par « sample ».")
        asked = (np.asarray(task.support), np.asarray(task.queries))
        if not all(part.ndim == 2 and part.size and part.dtype.kind in "iu" for part in asked):
            raise ReseauxError(
                f"Un épisode de support {asked[0].shape} ({asked[0].dtype}) et de questions "
                f"{asked[1].shape} ({asked[1].dtype}) ; il faut deux tableaux N×K d'entiers."
            )
        numbers = np.concatenate([part.ravel() for part in asked])
        if numbers.min() < 0 or numbers.max() >= len(images):
            raise ReseauxError(
                f"{len(images)} images, et un épisode qui demande l'image numéro {numbers.max()} : "
                "les épisodes viennent des étiquettes d'un autre ensemble."
            )
        yield task


@checked
def evaluate(
    features: Tensor,
    tasks: Iterable[Episode],
    classify: Callable[[Tensor, Tensor], Tensor] = nearest_prototype,
) -> NDArray[np.float64]:
    """Rend l'exactitude d'un classifieur sur chaque épisode.

    Args:
        features: M×…, une ligne par image ; les indices des épisodes y renvoient.
        classify: des exemples N×K×D et des questions …×D, fait des scores …×N.

    Raises:
        ReseauxError: épisodes d'un autre ensemble, scores d'une autre forme ; voir aussi
            :func:`nearest_prototype`.
    """
    scores = []
    for task in verified(features, tasks):
        flat = features.flatten(1)
        found: Any = classify(flat[task.support], flat[task.queries])
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found)
        if shape != (*task.queries.shape, len(task.classes)):
            raise ReseauxError(
                f"Scores de forme {shape} ; « classify » doit rendre un score par "
                f"question et par classe, {(*task.queries.shape, len(task.classes))}."
            )
        chosen = answering(found).argmax(-1).cpu().numpy()
        scores.append(float((chosen == task.answers).mean()))
    return np.array(scores)
