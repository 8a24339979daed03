"""Apprendre un point de départ : Reptile, un méta-apprentissage au premier ordre.

On cherche des poids θ depuis lesquels quelques pas de gradient, sur les exemples d'une tâche jamais
vue, suffisent à la résoudre. MAML (Finn 2017) dérive le résultat de ces pas par rapport à θ : il
lui faut des dérivées secondes. Reptile (Nichol 2018) s'en passe.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from reseaux.errors import ReseauxError
from reseaux.few_data.episodes import Episode, check_indices

Loss = Callable[[Tensor, Tensor], Tensor]
Weights = dict[str, Tensor]


def start_network(size: int, ways: int, seed: int) -> nn.Sequential:
    """Deux couches cachées et une sortie par classe : assez petit pour être adapté mille fois.

    Args:
        size: côté des images, en pixels ; elles sont grises.
        ways: nombre de classes d'un épisode.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first = [nn.Flatten(), nn.Linear(size * size, 64), nn.LayerNorm(64), nn.ReLU()]
        second = [nn.Linear(64, 64), nn.LayerNorm(64), nn.ReLU()]
        return nn.Sequential(*first, *second, nn.Linear(64, ways))


def adapt(
    network: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    steps: int,
    rate: float,
    loss: Loss = functional.cross_entropy,
) -> Weights:
    """Adapte le réseau à B tâches, séparément, par quelques pas de gradient sur leurs exemples.

    Args:
        network: le point de départ θ ; il n'est pas modifié.
        inputs: B×M×…, les M exemples de chaque tâche ; tous servent à chaque pas.
        targets: B×M réponses.
        steps: k, nombre de pas ; 0 rend B copies de θ.
        rate: pas d'apprentissage α.
        loss: perte moyenne, fonction des sorties et des réponses d'une tâche.

    Returns:
        Les poids adaptés θ' : B×forme pour chaque paramètre.

    Raises:
        ReseauxError: aucun exemple, tailles différentes, images ou classes que le réseau n'attend
            pas, réglage hors limites, ou poids qui ne sont plus des nombres.
    """
    if inputs.shape[:2] != targets.shape[:2] or not inputs.shape[:2].numel():
        raise ReseauxError(
            f"Exemples de forme {tuple(inputs.shape)} et réponses de forme "
            f"{tuple(targets.shape)} : il faut autant de tâches et d'exemples dans les deux, et au "
            "moins un exemple."
        )
    if steps < 0 or not rate > 0:
        raise ReseauxError(
            f"{steps} pas de taille {rate} : le nombre de pas va de 0 à l'infini, et leur taille "
            "est au-dessus de 0."
        )
    _check_fit(network, inputs[0], targets, loss)

    def risk(weights: Weights, x: Tensor, y: Tensor) -> Tensor:
        return loss(functional_call(network, weights, (x,)), y)

    slopes = vmap(grad(risk))
    start = network.named_parameters()
    adapted = {name: w.detach().expand(len(inputs), *w.shape) for name, w in start}
    for _ in range(steps):
        slope = slopes(adapted, inputs, targets)
        adapted = {name: weight - rate * slope[name] for name, weight in adapted.items()}
    if not all(bool(weight.isfinite().all()) for weight in adapted.values()):
        raise ReseauxError(
            f"Après {steps} pas de taille {rate}, les poids ne sont plus des nombres : une image "
            "n'en est pas un non plus, ou le pas est trop grand. Vérifiez l'une, diminuez l'autre."
        )
    return adapted


def _check_fit(network: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss) -> None:
    try:
        with torch.no_grad():
            outputs = network(inputs)
    except RuntimeError as error:
        raise ReseauxError(
            f"Le réseau ne lit pas des exemples de forme {tuple(inputs.shape)} : {error}. "
            "Donnez des images de la taille pour laquelle il est fait."
        ) from error
    ways = int(targets.max()) + 1
    if loss is functional.cross_entropy and outputs.shape[-1] < ways:
        raise ReseauxError(
            f"{ways} classes, et un réseau à {outputs.shape[-1]} sorties : il en faut une par "
            "classe d'un épisode."
        )


def reptile(
    network: nn.Module,
    images: Tensor,
    tasks: Iterator[Episode],
    *,
    steps: int,
    rate: float,
    first_move: float = 1.0,
    batch_size: int = 20,
    loss: Loss = functional.cross_entropy,
) -> nn.Module:
    """Cherche le point de départ d'où l'adaptation va le plus vite (Nichol 2018).

    À chaque lot de tâches, θ est adapté à chacune, θ → θ', puis avance vers la moyenne des θ' :
    θ ← θ + ε (moyenne des θ' − θ). Support et questions servent ici d'exemples.

    Args:
        network: une sortie par classe d'un épisode ; modifié sur place.
        images: M×C×H×L ; les indices des épisodes y renvoient.
        tasks: les épisodes d'entraînement, tous du même nombre de classes et d'images.
        steps: voir :func:`adapt`, comme pour ``rate`` et ``loss``.
        first_move: ε au premier lot, dans ]0, 1] ; il décroît ensuite jusqu'à 0.
        batch_size: nombre de tâches par mouvement de θ.

    Returns:
        Le même réseau, au nouveau point de départ.

    Raises:
        ReseauxError: réglage hors limites ; voir aussi :func:`adapt`.
    """
    if not 0 < first_move <= 1 or batch_size < 1:
        raise ReseauxError(
            f"Premier mouvement de {first_move} et lots de {batch_size} tâches : il faut un "
            "mouvement entre 0 (exclu) et 1, et au moins une tâche."
        )
    batches = list(_batches(images, tasks, batch_size))
    for number, batch in enumerate(batches):
        drawn = [np.concatenate([task.support, task.queries], axis=1) for task in batch]
        adapted = adapt(network, *_examples(images, drawn), steps=steps, rate=rate, loss=loss)
        move = first_move * (1 - number / len(batches))
        with torch.no_grad():
            for name, weight in network.named_parameters():
                weight.lerp_(adapted[name].mean(0), move)
    return network


def evaluate(
    network: nn.Module,
    images: Tensor,
    tasks: Iterator[Episode],
    *,
    steps: int,
    rate: float,
    batch_size: int = 50,
) -> NDArray[np.float64]:
    """Rend l'exactitude sur chaque épisode, après adaptation à son seul support.

    Args:
        network: le point de départ ; chaque épisode repart de lui.
        images: M×C×H×L ; les indices des épisodes y renvoient.
        steps: voir :func:`adapt`, comme pour ``rate``.
        batch_size: nombre d'épisodes traités ensemble.

    Raises:
        ReseauxError: voir :func:`adapt`.
    """
    scores: list[float] = []
    for batch in _batches(images, tasks, batch_size):
        support = _examples(images, [task.support for task in batch])
        weights = adapt(network, *support, steps=steps, rate=rate)
        x, y = _examples(images, [task.queries for task in batch])
        with torch.no_grad():
            outputs = vmap(lambda w, z: functional_call(network, w, (z,)))(weights, x)
        scores += (outputs.argmax(-1) == y).double().mean(1).tolist()
    return np.array(scores)


def _batches(images: Tensor, tasks: Iterator[Episode], size: int) -> Iterator[list[Episode]]:
    """Les épisodes par lots, une fois vérifié que leurs images existent."""
    while batch := list(islice(tasks, size)):
        for task in batch:
            check_indices(images, task)
        yield batch


def _examples(images: Tensor, drawn: Sequence[NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
    """Les images tirées, B×(N·K)×…, et leurs réponses : le numéro de la ligne, de 0 à N − 1."""
    indices = torch.from_numpy(np.stack(drawn))
    answers = torch.arange(indices.shape[1]).repeat_interleave(indices.shape[2])
    return images[indices.flatten(1)], answers.expand(len(indices), -1)
