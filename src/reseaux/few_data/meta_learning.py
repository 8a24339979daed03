"""Apprendre un point de départ : Reptile, un méta-apprentissage au premier ordre.

On cherche des poids θ depuis lesquels quelques pas de gradient, sur les exemples d'une tâche jamais
vue, suffisent à la résoudre. MAML (Finn 2017) dérive le résultat de ces pas par rapport à θ : il
lui faut des dérivées secondes. Reptile (Nichol 2018) s'en passe.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from reseaux.arguments import Count, Positive, Seed, above, at_least, between, checked
from reseaux.errors import ReseauxError
from reseaux.few_data.checks import check_network, check_values
from reseaux.few_data.episodes import Episode, verified
from reseaux.reuse.forward import answering, evaluating

Loss = Callable[[Tensor, Tensor], Tensor]
Weights = dict[str, Tensor]
Steps = Annotated[int, at_least(0)]


@checked
def start_network(size: Count, ways: Count, seed: Seed) -> nn.Sequential:
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


@checked
@torch.inference_mode(False)
def adapt(
    network: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    steps: Steps,
    rate: Positive,
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
        Les poids adaptés θ' : B×forme pour chaque paramètre ; un paramètre gelé ne change pas.

    Raises:
        ReseauxError: aucun exemple, tailles différentes, images ou classes que le réseau n'attend
            pas, réglage hors limites, ou poids qui ne sont plus des nombres.
    """
    check_network(network)
    check_values(inputs, targets)
    if inputs.shape[:2] != targets.shape or targets.ndim != 2 or not targets.numel():
        raise ReseauxError(
            f"Exemples de forme {tuple(inputs.shape)} et réponses de forme "
            f"{tuple(targets.shape)} : il faut autant de tâches et d'exemples dans les deux, et au "
            "moins un exemple."
        )
    _check_fit(network, inputs[0], targets, loss)

    def risk(weights: Weights, x: Tensor, y: Tensor) -> Tensor:
        return loss(functional_call(network, weights, (x,)), y)

    slopes = vmap(grad(risk))
    start = dict(network.named_parameters())
    copies = {name: w.detach().expand(len(inputs), *w.shape) for name, w in start.items()}
    # Un poids gelé reste celui du réseau.
    adapted = {name: copies[name] for name, w in start.items() if w.requires_grad}
    with _task_by_task(network):
        for _ in range(steps):
            slope = slopes(adapted, inputs, targets)
            adapted = {name: weight - rate * slope[name] for name, weight in adapted.items()}
    if not all(bool(weight.isfinite().all()) for weight in adapted.values()):
        raise ReseauxError(
            f"Après {steps} pas de taille {rate}, les poids ne sont plus des nombres : une image "
            "n'en est pas un non plus, ou le pas est trop grand. Vérifiez l'une, diminuez l'autre."
        )
    return copies | adapted


@contextmanager
def _task_by_task(network: nn.Module) -> Iterator[None]:
    """Explique pourquoi un réseau ne se calcule pas sur plusieurs tâches à la fois."""
    try:
        yield
    except RuntimeError as error:
        raise ReseauxError(
            f"Le réseau « {type(network).__name__} » ne s'adapte pas à plusieurs tâches à la fois. "
            "S'il a un dropout ou une normalisation par lot, mettez-le en mode évaluation "
            f"(network.eval()). PyTorch dit : {error}"
        ) from error


def _check_fit(network: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss) -> None:
    try:
        with torch.no_grad(), evaluating(network):
            outputs = network(inputs)
    except RuntimeError as error:
        raise ReseauxError(
            f"Le réseau ne lit pas des exemples de forme {tuple(inputs.shape)} : {error}. "
            "Donnez des images de la taille pour laquelle il est fait."
        ) from error
    if loss is not functional.cross_entropy:
        return
    low, high, ways = int(targets.min()), int(targets.max()), outputs.shape[-1]
    if low < 0 or high >= ways or targets.dtype != torch.int64 or outputs.ndim != 2:
        raise ReseauxError(
            f"Réponses de {low} à {high}, de type {targets.dtype}, et des sorties de forme "
            f"{tuple(outputs.shape)} : il en faut une par classe d'un épisode, et des réponses "
            "entières (torch.int64), à partir de 0."
        )


@checked
@torch.inference_mode(False)
def reptile(
    network: nn.Module,
    images: Tensor,
    tasks: Iterable[Episode],
    *,
    steps: Steps,
    rate: Positive,
    first_move: Annotated[float, above(0), between(0, 1)] = 1.0,
    batch_size: Count = 20,
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
    batches = list(_batches(images, tasks, batch_size))
    for number, batch in enumerate(batches):
        drawn = [np.concatenate([task.support, task.queries], axis=1) for task in batch]
        adapted = adapt(network, *_examples(images, drawn), steps=steps, rate=rate, loss=loss)
        move = first_move * (1 - number / len(batches))
        with torch.no_grad():
            for name, weight in network.named_parameters():
                if weight.requires_grad:
                    weight.lerp_(adapted[name].mean(0), move)
    return network


@checked
@torch.inference_mode(False)
def evaluate(
    network: nn.Module,
    images: Tensor,
    tasks: Iterable[Episode],
    *,
    steps: Steps,
    rate: Positive,
    batch_size: Count = 50,
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
        with torch.no_grad(), _task_by_task(network):
            outputs = vmap(lambda w, z: functional_call(network, w, (z,)))(weights, x)
        scores += (answering(outputs).argmax(-1) == y).double().mean(1).tolist()
    return np.array(scores)


def _batches(images: Tensor, tasks: Iterable[Episode], size: int) -> Iterator[list[Episode]]:
    """Les épisodes par lots, tous de la même taille."""
    known = verified(images, tasks)
    while batch := list(islice(known, size)):
        shapes = {(task.support.shape, task.queries.shape) for task in batch}
        if len(shapes) > 1:
            raise ReseauxError(
                "Les épisodes d'un lot n'ont pas tous autant de classes et d'images ; tirez-les "
                "d'un seul appel de « sample »."
            )
        yield batch


def _examples(images: Tensor, drawn: Sequence[NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
    """Les images tirées, B×(N·K)×…, et leurs réponses : le numéro de la ligne, de 0 à N − 1."""
    indices = torch.from_numpy(np.stack(drawn))
    answers = torch.arange(indices.shape[1]).repeat_interleave(indices.shape[2])
    return images[indices.flatten(1)], answers.expand(len(indices), -1)
