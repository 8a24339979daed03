"""Que reprendre d'un réseau ? Deux réseaux de départ, deux tâches, plus ou moins d'étiquettes.

La règle d'usage croise la taille des données et leur ressemblance avec celles du réseau. Ici on
mesure ses cases : chaque méthode, sur chaque tâche, avec chaque nombre d'étiquettes, plusieurs
tirages. Le second réseau de départ est petit et s'apprend sur place, sur des lettres imprimées :
il est loin des photographies et proche des chiffres, l'inverse d'un réseau d'ImageNet.
"""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from reseaux import data
from reseaux.errors import ReseauxError, unknown_name
from reseaux.formatting import decimal
from reseaux.reuse import checkpoints, training, transfer
from reseaux.reuse.weights import Pretrained
from reseaux.style import COLORS, MARKERS, RED, YELLOW, french_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Task = tuple[data.LabeledImages, data.LabeledImages]  # où tirer l'entraînement, le test

# ---------------------------------------------------------------------------------------------
# Un réseau qui n'a vu que des lettres

GLYPH_SIZE = 32  # côté de ses images, en pixels
GLYPHS = ("latin", "latin-capitales", "grec", "cyrillique")


class GlyphNetwork(nn.Module):
    """Quatre convolutions, une couche linéaire : 3×32×32 → ``classes`` scores.

    Il a la forme que :func:`reseaux.reuse.transfer.stages` sait lire : une suite « features ». Sa
    dernière convolution couvre toute la carte (4×4 → 1×1), et retient donc *où* est chaque trait.

    Args:
        classes: nombre de sorties.
        width: nombre de cartes du premier étage ; il double à chaque étage.
    """

    def __init__(self, classes: int, width: int = 16) -> None:
        """Crée le réseau, poids tirés au hasard."""
        super().__init__()
        sizes = [3, width, 2 * width, 4 * width]
        blocks = [
            nn.Sequential(
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.MaxPool2d(2),
            )
            for before, after in pairwise(sizes)
        ]
        end = nn.Sequential(
            nn.Conv2d(4 * width, 8 * width, 4, bias=False), nn.BatchNorm2d(8 * width), nn.ReLU()
        )
        self.features = nn.Sequential(*blocks, end)
        self.classifier = nn.Linear(8 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Rend les scores de N images : N×3×32×32 → N×classes."""
        scores: Tensor = self.classifier(self.features(x).mean(dim=(2, 3)))
        return scores


def distort(generator: torch.Generator, amount: float = 1.0) -> Callable[[Tensor], Tensor]:
    """Déforme chaque image d'un lot à sa façon : rotation, cisaillement, taille, position.

    Args:
        generator: la source du hasard.
        amount: 0 ne change rien ; 1, jusqu'à 14 degrés, et 15 % de la taille.
    """

    def transform(batch: Tensor) -> Tensor:
        def draw(most: float) -> Tensor:
            return (2 * torch.rand(len(batch), generator=generator) - 1) * most * amount

        angle, shear = draw(0.25), draw(0.2)
        width, height = 1 + draw(0.15), 1 + draw(0.15)
        rows = (
            torch.stack([angle.cos() * width, (shear - angle.sin()) * height, draw(0.15)], dim=1),
            torch.stack([angle.sin() * width, angle.cos() * height, draw(0.15)], dim=1),
        )
        matrices = torch.stack(rows, dim=1).to(batch.device)
        grid = F.affine_grid(matrices, list(batch.shape), align_corners=False)
        return F.grid_sample(batch, grid, padding_mode="border", align_corners=False)

    return transform


def learn_glyphs(
    path: Path | str,
    alphabets: Sequence[str] = GLYPHS,
    epochs: int = 8,
    seed: int = 0,
    width: int = 16,
) -> list[training.Epoch]:
    """Apprend à un :class:`GlyphNetwork` à lire des alphabets imprimés, et le sauve.

    Args:
        path: le fichier à écrire (voir :func:`reseaux.reuse.checkpoints.save`).
        alphabets: des clés de ``data.ALPHABETS`` ; chaque lettre de chacun est une classe.
        epochs: nombre d'époques.
        seed: graine des poids, de l'ordre des images et des déformations.
        width: voir :class:`GlyphNetwork`.

    Returns:
        Le bilan de chaque époque.

    Raises:
        ReseauxError: alphabet inconnu, ou aucun.
    """
    if not alphabets:
        raise ReseauxError("Aucun alphabet à apprendre ; donnez-en au moins un.")
    sets = [data.glyphs(alphabet, 16)[0] for alphabet in alphabets]
    starts = np.cumsum([0, *(len(s.names) for s in sets)])
    images = transfer.prepare(np.concatenate([s.images for s in sets]), GLYPH_SIZE)
    labels = np.concatenate([s.labels + start for s, start in zip(sets, starts, strict=False)])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = GlyphNetwork(int(starts[-1]), width).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    generator = torch.Generator().manual_seed(seed)
    history = training.train(
        model,
        images.contiguous(memory_format=torch.channels_last),
        torch.from_numpy(labels),
        optimizer=optimizer,
        epochs=epochs,
        generator=generator,
        scheduler=scheduler,
        augment=distort(generator),
    )
    arguments = {"classes": int(starts[-1]), "width": width}
    checkpoints.save(
        path, model, optimizer, architecture="glyphes", arguments=arguments, epoch=epochs
    )
    return history


def load_glyphs(path: Path | str) -> Pretrained:
    """Relit un réseau sauvé par :func:`learn_glyphs`, en mode évaluation.

    Raises:
        ReseauxError: fichier absent, abîmé, ou d'un autre réseau.
    """
    saved = checkpoints.load(path)
    model = saved.build({"glyphes": GlyphNetwork}).eval()
    classes = tuple(str(k) for k in range(saved.arguments["classes"]))

    def transform(image: Image.Image) -> Tensor:
        grey = np.asarray(image.convert("L"), np.float32) / np.float32(255)
        return transfer.prepare(grey[None], GLYPH_SIZE)[0]

    return Pretrained("glyphes", model, transform, classes, classes)


def untrained(pretrained: Pretrained, seed: int) -> Pretrained:
    """Rend le même réseau avec des poids tirés au hasard : de quoi apprendre « de zéro ».

    Args:
        pretrained: le réseau ; il n'est pas modifié.
        seed: graine des poids ; le hasard de l'appelant n'est pas touché.
    """
    model = copy.deepcopy(pretrained.model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in model.modules():
            if callable(reset := getattr(part, "reset_parameters", None)):
                reset()
    return Pretrained(
        f"{pretrained.name} (hasard)",
        model,
        pretrained.transform,
        pretrained.categories,
        pretrained.categories_fr,
    )


class Truncated(nn.Module):
    """Le début d'un réseau, la moyenne de ses cartes, un classifieur linéaire."""

    def __init__(self, parts: Sequence[nn.Module], outputs: int, classes: int) -> None:
        """Assemble les étages donnés, sans les copier, et un classifieur neuf."""
        super().__init__()
        self.features = nn.Sequential(*parts)
        self.classifier = nn.Linear(outputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Rend les scores de N images : N×3×H×L → N×classes."""
        scores: Tensor = self.classifier(self.features(x).mean(dim=(2, 3)))
        return scores


def cut(pretrained: Pretrained, depth: int, classes: int = 2) -> Pretrained:
    """Coupe un réseau après une profondeur et y pose un classifieur neuf.

    Args:
        pretrained: le réseau ; il n'est pas modifié.
        depth: dernière profondeur gardée, à partir de 2 (voir :func:`transfer.stages`).
        classes: nombre de sorties du classifieur.

    Raises:
        ReseauxError: profondeur inconnue.
    """
    stages = transfer.stages(pretrained.model)
    if not 2 <= depth < len(stages):
        raise ReseauxError(
            f"Coupe après la profondeur {depth} demandée ; il faut entre 2 et {len(stages) - 1}."
        )
    device = next(pretrained.model.parameters()).device
    probe = torch.zeros(1, 3, GLYPH_SIZE, GLYPH_SIZE)
    outputs = transfer.extract_features(pretrained.model, probe)[depth].shape[1]
    parts = [copy.deepcopy(part) for _, part in stages[: depth + 1]]
    with torch.random.fork_rng(devices=[]):
        model = Truncated(parts, outputs, classes).to(device)
    name = f"{pretrained.name} (jusqu'à {stages[depth][0]})"
    names = tuple(str(k) for k in range(classes))
    return Pretrained(name, model.eval(), pretrained.transform, names, names)


# ---------------------------------------------------------------------------------------------
# La comparaison

PIXELS, TUNED, SCRATCH = "pixels bruts", "réglage fin", "de zéro"


class Source(NamedTuple):
    """Un réseau de départ, et le côté des images qu'on lui donne, en pixels."""

    network: Pretrained
    size: int


class Method(NamedTuple):
    """Une méthode : le réseau de départ (vide pour les pixels) et ce qu'on en fait."""

    source: str
    name: str

    def __str__(self) -> str:
        """Le nom entier, « glyphes : sonde, fin »."""
        return f"{self.source} : {self.name}" if self.source else self.name


class Recipe(NamedTuple):
    """Comment on règle un réseau (voir :func:`reseaux.reuse.transfer.fine_tune`).

    Attributes:
        learning_rate: le pas du classifieur neuf.
        backbone_rate: le pas du reste du réseau, rapporté à celui du classifieur.
        batch_size: nombre d'images par pas, au plus ; les lots sont de tailles égales.
        least: nombre de pas le plus petit.
        epochs: nombre d'époques le plus petit.
        depth: couper le réseau après cette profondeur ; ``None`` le garde entier.
    """

    learning_rate: float
    backbone_rate: float = 1.0
    batch_size: int = 16
    least: int = 30
    epochs: int = 6
    depth: int | None = None

    def batches(self, count: int) -> int:
        """Taille des lots : ``count`` images en parts égales, d'au plus ``batch_size``."""
        # Une part d'une seule image n'aurait pas de variance à normaliser.
        return math.ceil(count / math.ceil(count / self.batch_size))

    def passes(self, count: int) -> int:
        """Nombre d'époques sur ``count`` images : assez pour ``least`` pas, ``epochs`` au moins."""
        return max(self.epochs, math.ceil(self.least / math.ceil(count / self.batch_size)))


@dataclass(frozen=True)
class Comparison:
    """Ce qu'ont donné toutes les méthodes.

    Attributes:
        tasks: le nom des tâches.
        methods: les méthodes.
        labels: les nombres d'images étiquetées par classe.
        scores: tâches × méthodes × étiquettes × tirages ; des exactitudes, de 0 à 1.
    """

    tasks: tuple[str, ...]
    methods: tuple[Method, ...]
    labels: tuple[int, ...]
    scores: NDArray[np.float64] = field(repr=False)

    def of(self, task: str, method: Method) -> NDArray[np.float64]:
        """Les exactitudes d'une méthode sur une tâche : étiquettes × tirages.

        Raises:
            ReseauxError: tâche ou méthode inconnue.
        """
        if task not in self.tasks:
            raise unknown_name("un nom de tâche", task, self.tasks)
        if method not in self.methods:
            raise unknown_name("un nom de méthode", str(method), map(str, self.methods))
        found: NDArray[np.float64] = self.scores[self.tasks.index(task), self.methods.index(method)]
        return found

    def probes(self, source: str) -> list[Method]:
        """Les sondes d'un réseau de départ, de l'entrée à la fin."""
        return [m for m in self.methods if m.source == source and m.name.startswith("sonde")]

    def best_probe(self, task: str, source: str, labels: int) -> Method:
        """La sonde d'un réseau qui répond le mieux sur une tâche, en moyenne des tirages."""
        column = self.labels.index(labels)
        return max(self.probes(source), key=lambda m: float(self.of(task, m)[column].mean()))

    def ranking(self, task: str, labels: int) -> list[tuple[Method, float]]:
        """Les méthodes, de la plus à la moins exacte en moyenne, et leur exactitude."""
        means = {m: float(self.of(task, m)[self.labels.index(labels)].mean()) for m in self.methods}
        return sorted(means.items(), key=lambda pair: -pair[1])


def compare(
    tasks: Mapping[str, Task],
    sources: Mapping[str, Source],
    recipes: Mapping[str, Recipe],
    labels: Sequence[int],
    seeds: int,
    scratch: Mapping[str, Recipe] | None = None,
) -> Comparison:
    """Mesure toutes les méthodes, sur les mêmes tirages d'images.

    Les caractéristiques sont calculées une fois par réseau et par tâche, pour tous les tirages et
    tous les nombres d'étiquettes.

    Args:
        tasks: nom → (où tirer l'entraînement, test).
        sources: nom → réseau de départ ; une sonde par profondeur.
        recipes: ceux qu'on règle finement, et comment.
        labels: nombres d'images étiquetées par classe.
        seeds: nombre de tirages ; leurs graines sont 0, 1, 2…
        scratch: ceux dont on apprend aussi l'architecture de zéro, et comment.

    Raises:
        ReseauxError: recette d'un réseau absent, aucun tirage, ou trop d'étiquettes demandées.
    """
    scratch = scratch or {}
    for name in (*recipes, *scratch):
        if name not in sources:
            raise unknown_name("un réseau de départ", name, sources)
    if seeds < 1 or not labels:
        raise ReseauxError(
            f"{seeds} tirages et {len(labels)} nombres d'étiquettes demandés ; il faut au moins "
            "un de chaque."
        )
    methods = [Method("", PIXELS)]
    for name, source in sources.items():
        depths = transfer.depth_names(source.network)
        methods += [Method(name, f"sonde, {depth}") for depth in depths]
        methods += [Method(name, TUNED)] * (name in recipes)
        methods += [Method(name, SCRATCH)] * (name in scratch)
    scores = [
        _scores(task, sources, recipes, scratch, tuple(labels), seeds) for task in tasks.values()
    ]
    return Comparison(tuple(tasks), tuple(methods), tuple(labels), np.array(scores))


def _scores(
    task: Task,
    sources: Mapping[str, Source],
    recipes: Mapping[str, Recipe],
    scratch: Mapping[str, Recipe],
    labels: tuple[int, ...],
    seeds: int,
) -> NDArray[np.float64]:
    """Les exactitudes sur une tâche : méthodes × étiquettes × tirages, dans l'ordre de compare."""
    pool, test = task
    draws = [[sample_indices(pool, count, seed) for seed in range(seeds)] for count in labels]
    found = [_probed(task, draws, transfer.pixels(pool), transfer.pixels(test))]
    for name, (network, size) in sources.items():
        x, z = transfer.prepare(pool, size), transfer.prepare(test, size)
        known, held = (
            transfer.extract_features(network.model, x),
            transfer.extract_features(network.model, z),
        )
        found += [_probed(task, draws, a, b) for a, b in zip(known, held, strict=True)]
        if name in recipes:
            found.append(_tuned(task, draws, x, z, [network] * seeds, recipes[name]))
        if name in scratch:
            starts = [untrained(network, seed) for seed in range(seeds)]
            found.append(_tuned(task, draws, x, z, starts, scratch[name]))
    return np.array(found)


Draws = list[list[NDArray[np.int64]]]  # étiquettes × tirages, les numéros des images


def _probed(
    task: Task, draws: Draws, known: transfer.Features, held: transfer.Features
) -> list[list[float]]:
    """L'exactitude d'une sonde, pour chaque tirage."""
    labels, truth = task[0].labels, task[1].labels
    return [
        [transfer.linear_probe(known[chosen], labels[chosen]).score(held, truth) for chosen in row]
        for row in draws
    ]


def _tuned(
    task: Task,
    draws: Draws,
    x: Tensor,
    z: Tensor,
    starts: Sequence[Pretrained],
    recipe: Recipe,
) -> list[list[float]]:
    """L'exactitude d'un réseau réglé, pour chaque tirage ; un réseau de départ par tirage."""
    labels, truth = task[0].labels, torch.from_numpy(task[1].labels)
    classes = len(task[0].names)

    def score(chosen: NDArray[np.int64], seed: int) -> float:
        model = tune(starts[seed], x[chosen], labels[chosen], classes, recipe, seed)
        return training.accuracy(model, z, truth)

    return [[score(chosen, seed) for seed, chosen in enumerate(row)] for row in draws]


def sample_indices(pool: data.LabeledImages, per_class: int, seed: int) -> NDArray[np.int64]:
    """Les numéros des images que ``pool.sample(per_class, seed)`` tirerait."""
    numbered = data.LabeledImages(np.arange(len(pool), dtype=np.float32), pool.labels, pool.names)
    return numbered.sample(per_class, seed)[0].images.astype(np.int64)


def tune(
    start: Pretrained,
    images: Tensor,
    labels: NDArray[np.int64],
    classes: int,
    recipe: Recipe,
    seed: int,
) -> nn.Module:
    """Règle un réseau, coupé ou entier, selon une recette (:func:`transfer.fine_tune`)."""
    return transfer.fine_tune(
        start if recipe.depth is None else cut(start, recipe.depth),
        images,
        torch.from_numpy(labels),
        classes,
        epochs=recipe.passes(len(images)),
        learning_rate=recipe.learning_rate,
        backbone_rate=recipe.backbone_rate,
        batch_size=recipe.batches(len(images)),
        seed=seed,
    )


# ---------------------------------------------------------------------------------------------
# Deux entraînements, suivis époque par époque

WHOLE, FROZEN, DRIFTING = "tout apprend", "extracteur gelé", "gelé, en mode entraînement"


class Run(NamedTuple):
    """Un entraînement suivi : le réseau, le bilan de chaque époque, l'exactitude au test."""

    model: nn.Module
    history: list[training.Epoch]
    test: list[float]


def follow(
    start: Pretrained,
    task: tuple[Tensor, NDArray[np.int64]],
    test: tuple[Tensor, NDArray[np.int64]],
    classes: int,
    how: str,
    recipe: Recipe,
    seed: int = 0,
) -> Run:
    """Entraîne une copie du réseau sur une nouvelle tâche, et la teste après chaque époque.

    Args:
        start: le réseau appris ; il n'est pas modifié.
        task: images préparées et étiquettes d'entraînement.
        test: images préparées et étiquettes de test.
        classes: nombre de classes de la tâche.
        how: :data:`WHOLE`, tout le réseau apprend ; :data:`FROZEN`, le classifieur seul ;
            :data:`DRIFTING`, le classifieur seul aussi, mais les normalisations du reste sont en
            mode entraînement, comme après un ``model.train()`` sans précaution.
        recipe: la recette.
        seed: graine du classifieur et de l'ordre des images.

    Raises:
        ReseauxError: façon d'entraîner inconnue.
    """
    if how not in (WHOLE, FROZEN, DRIFTING):
        raise unknown_name("un nom d'entraînement", how, (WHOLE, FROZEN, DRIFTING))
    images, labels = task[0].contiguous(memory_format=torch.channels_last), task[1]
    model = copy.deepcopy(start.model).requires_grad_(how == WHOLE)
    head = transfer.new_head(model, classes, seed)
    model = model.to(memory_format=torch.channels_last)
    new = list(head.parameters())
    known = [p for p in model.parameters() if p.requires_grad and all(p is not q for q in new)]
    groups: list[dict[str, Any]] = [{"params": new}]
    if known:
        groups.append({"params": known, "lr": recipe.learning_rate * recipe.backbone_rate})
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=1e-2, fused=True)
    epochs = recipe.passes(len(images))
    if how == DRIFTING:
        # « training.train » met les couches gelées en mode évaluation : on le défait à chaque pas.
        model.register_forward_pre_hook(lambda module, _: _all_training(module))
    truth, scores = torch.from_numpy(test[1]), list[float]()
    history = training.train(
        model,
        images,
        torch.from_numpy(labels),
        optimizer=optimizer,
        epochs=epochs,
        batch_size=recipe.batches(len(images)),
        generator=torch.Generator().manual_seed(seed),
        scheduler=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs),
        after_epoch=lambda _: scores.append(training.accuracy(model, test[0], truth)),
    )
    return Run(model.eval(), history, scores)


def _all_training(module: nn.Module) -> None:
    if module.training:
        module.train()


# ---------------------------------------------------------------------------------------------
# Les figures


def draw_map(comparison: Comparison) -> "Figure":
    """Dessine la table de décision : une case par méthode, tâche et nombre d'étiquettes.

    La meilleure case de chaque colonne est encadrée.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    rows, columns = len(comparison.methods), len(comparison.labels)
    figure, axes = plt.subplots(
        1, len(comparison.tasks), figsize=(7.2, 0.8 + 0.33 * rows), sharey=True, squeeze=False
    )
    means = comparison.scores.mean(axis=3)
    for ax, task, cells in zip(axes.flat, comparison.tasks, means, strict=True):
        ax.imshow(cells, cmap="cividis", vmin=0, vmax=1, aspect="auto")
        ax.grid(visible=False)
        ax.set_xticks(range(columns), [str(n) for n in comparison.labels])
        ax.set_yticks(range(rows), [str(m) for m in comparison.methods])
        ax.set(title=task, xlabel="étiquettes par classe")
        for (i, j), value in np.ndenumerate(cells):
            color = "black" if value > 0.55 else "white"
            ax.text(j, i, decimal(100 * value, 0), ha="center", va="center", color=color)
        for j, i in enumerate(cells.argmax(axis=0)):
            frame = (j - 0.46, i - 0.44)
            ax.add_patch(Rectangle(frame, 0.92, 0.88, fill=False, edgecolor=RED, linewidth=2.5))
        starts = [
            i
            for i in range(1, rows)
            if comparison.methods[i].source != comparison.methods[i - 1].source
        ]
        for i in starts:  # un trait entre deux réseaux de départ
            ax.axhline(i - 0.5, color="white", linewidth=3)
    plt.close(figure)
    return figure


def draw_curves(comparison: Comparison, methods: Sequence[Method]) -> "Figure":
    """Dessine l'exactitude selon le nombre d'étiquettes : moyenne, et étendue des tirages.

    Args:
        comparison: les mesures.
        methods: les méthodes à montrer, une courbe chacune.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(comparison.tasks), figsize=(7.2, 5.4), sharey=True, squeeze=False
    )
    networks = list(dict.fromkeys(m.source for m in methods))
    lines = [color for color in COLORS if color != YELLOW]  # trop clair pour un trait fin
    for ax, task in zip(axes.flat, comparison.tasks, strict=True):
        for k, method in enumerate(methods):
            scores = comparison.of(task, method)
            mean = scores.mean(axis=1)
            spread = np.abs(np.stack([scores.min(axis=1), scores.max(axis=1)]) - mean)
            # Un léger décalage : les étendues ne se cachent pas l'une l'autre.
            x = np.array(comparison.labels) * 1.035 ** (k - len(methods) / 2)
            ax.errorbar(
                x,
                mean,
                spread,
                color=lines[k % len(lines)],
                marker=MARKERS[k % len(MARKERS)],
                linestyle=("-", "--", ":")[networks.index(method.source) % 3],
                elinewidth=1,
                label=str(method),
            )
        ax.set_xscale("log")
        ax.minorticks_off()
        ax.set_xticks(comparison.labels, [str(n) for n in comparison.labels])
        ax.set(title=task, xlabel="étiquettes par classe")
        french_axis(ax.yaxis, 1)
    axes[0, 0].set_ylabel("exactitude")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    plt.close(figure)
    return figure


def draw_runs(runs: Mapping[str, Run]) -> "Figure":
    """Dessine les entraînements côte à côte : exactitude selon l'époque, au passage et au test."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(runs), figsize=(7.2, 3.2), sharey=True, squeeze=False)
    for ax, (name, run) in zip(axes.flat, runs.items(), strict=True):
        epochs = [epoch.number for epoch in run.history]
        ax.plot(epochs, [epoch.accuracy for epoch in run.history], label="entraînement")
        ax.plot(epochs, run.test, linestyle="--", label="test")
        ax.set(xlabel="époque", xticks=epochs, ylim=(0, 1.03))
        ax.set_title(name, fontsize=10)
        french_axis(ax.yaxis, 1)
    axes[0, 0].set_ylabel("exactitude")
    axes[0, 0].legend(loc="lower right")
    plt.close(figure)
    return figure


def draw_confusions(
    truth: NDArray[np.int64], answers: Mapping[str, NDArray[np.int64]], names: Sequence[str]
) -> "Figure":
    """Dessine les matrices de confusion de plusieurs réseaux côte à côte.

    Args:
        truth: la vraie classe de chaque image.
        answers: titre → la réponse du réseau à chaque image.
        names: le nom de chaque classe.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(answers), figsize=(7.2, 3.9), sharey=True, squeeze=False)
    for ax, (title, found) in zip(axes.flat, answers.items(), strict=True):
        matrix = confusion(truth, found, len(names))
        ax.imshow(matrix, cmap="Blues")
        ax.grid(visible=False)
        ax.set_xticks(range(len(names)), names, parse_math=False)
        ax.set_yticks(range(len(names)), names, parse_math=False)
        ax.set(title=title, xlabel="classe répondue")
        for (i, j), count in np.ndenumerate(matrix):
            if count:
                dark = count > 0.6 * matrix.max()
                color = "white" if dark else "black"
                ax.text(j, i, str(count), ha="center", va="center", color=color, fontsize=8)
    axes[0, 0].set_ylabel("vraie classe")
    plt.close(figure)
    return figure


def confusion(
    truth: NDArray[np.int64], answers: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """La matrice de confusion : une ligne par vraie classe, une colonne par réponse."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (truth, answers), 1)
    return matrix
