"""Les figures des comparaisons et des entraînements suivis."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.comparison import Comparison, Method
from experiments.following import Run
from reseaux import measures
from reseaux.formatting import decimal
from reseaux.style import COLORS, MARKERS, RED, YELLOW, french_axis, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_map(comparison: Comparison) -> "Figure":
    """Dessine la table de décision : une case par méthode, tâche et nombre d'étiquettes.

    La meilleure case de chaque colonne est encadrée.
    """
    from matplotlib.patches import Rectangle

    rows, columns = len(comparison.methods), len(comparison.labels)
    means = comparison.scores.mean(axis=3)
    size = (7.2, 0.8 + 0.33 * rows)
    with panels(1, len(comparison.tasks), size, sharey=True) as (figure, axes):
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
            for i, (above, below) in enumerate(pairwise(comparison.methods)):
                if above.start != below.start:  # un trait entre deux réseaux de départ
                    ax.axhline(i + 0.5, color="white", linewidth=3)
    return figure


def draw_curves(comparison: Comparison, methods: Sequence[Method]) -> "Figure":
    """Dessine l'exactitude selon le nombre d'étiquettes : moyenne, et étendue des tirages.

    Args:
        comparison: les mesures.
        methods: les méthodes à montrer, une courbe chacune.
    """
    starts = list(dict.fromkeys(m.start for m in methods))
    lines = [color for color in COLORS if color != YELLOW]  # trop clair pour un trait fin
    with panels(1, len(comparison.tasks), (7.2, 5.4), sharey=True) as (figure, axes):
        for ax, task in zip(axes.flat, comparison.tasks, strict=True):
            for k, method in enumerate(methods):
                scores = comparison.of(task, method)
                mean = scores.mean(axis=1)
                ax.errorbar(
                    # Un léger décalage : les étendues ne se cachent pas l'une l'autre.
                    np.array(comparison.labels) * 1.035 ** (k - len(methods) / 2),
                    mean,
                    np.abs(np.stack([scores.min(axis=1), scores.max(axis=1)]) - mean),
                    color=lines[k % len(lines)],
                    marker=MARKERS[k % len(MARKERS)],
                    linestyle=("-", "--", ":")[starts.index(method.start) % 3],
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
    return figure


def draw_runs(runs: Mapping[str, Run]) -> "Figure":
    """Dessine les entraînements côte à côte : exactitude selon l'époque, au passage et au test."""
    with panels(1, len(runs), (7.2, 3.2), sharey=True) as (figure, axes):
        for ax, (name, run) in zip(axes.flat, runs.items(), strict=True):
            epochs = [epoch.number for epoch in run.history]
            ax.plot(epochs, [epoch.accuracy for epoch in run.history], label="entraînement")
            ax.plot(epochs, run.test, linestyle="--", label="test")
            ax.set(xlabel="époque", xticks=epochs, ylim=(0, 1.03))
            ax.set_title(str(name), fontsize=10)
            french_axis(ax.yaxis, 1)
        axes[0, 0].set_ylabel("exactitude")
        axes[0, 0].legend(loc="lower right")
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
    with panels(1, len(answers), (7.2, 3.9), sharey=True) as (figure, axes):
        for ax, (title, found) in zip(axes.flat, answers.items(), strict=True):
            measures.draw_confusion(ax, truth, found, names)
            ax.set_title(str(title))
            ax.label_outer()
    return figure
