"""Les figures montrent les nombres mesurés."""

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.typing import ColorType

from experiments import figures
from experiments.comparison import Comparison, Method, MethodKind, Task
from experiments.following import Regime, Run


def test_the_map_shows_and_frames_the_means(comparison: Comparison) -> None:
    (ax,) = figures.draw_map(comparison).axes
    means = comparison.scores.mean(axis=3)[0]
    assert [t.get_text() for t in ax.texts] == [f"{100 * v:.0f}" for v in means.ravel()]
    framed = [(round(p.get_x() + 0.46), round(p.get_y() + 0.44)) for p in ax.patches]
    assert framed == list(enumerate(means.argmax(axis=0)))
    assert [t.get_text() for t in ax.get_yticklabels()] == [str(m) for m in comparison.methods]


def test_each_number_of_the_map_stands_out_from_its_cell() -> None:
    """Oracle : le contraste des WCAG 2, entre la case telle qu'elle s'affiche et son nombre."""
    values = np.linspace(0, 1, 21)
    methods = (Method(MethodKind.PIXELS),)
    labels = tuple(range(1, 22))
    (ax,) = figures.draw_map(Comparison(("t",), methods, labels, values[None, None, :, None])).axes

    def luminance(color: ColorType) -> float:
        rgb = np.array(to_rgb(color))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    def contrast(one: ColorType, other: ColorType) -> float:
        low, high = sorted(map(luminance, (one, other)))
        return (high + 0.05) / (low + 0.05)

    for text, value in zip(ax.texts, values, strict=True):
        cell = ax.images[0].to_rgba(np.array([[value]]))[0, 0]
        # Trois pour un : le moins que les WCAG demandent à un signe.
        assert contrast(cell, text.get_color()) > 3, value


def test_the_curves_show_the_spread(comparison: Comparison) -> None:
    methods = comparison.methods[:3]
    (ax,) = figures.draw_curves(comparison, methods).axes
    assert len(ax.containers) == len(methods)
    for bars, method in zip(ax.containers, methods, strict=True):
        line, _, (spread,) = bars
        scores = comparison.of("barres", method)
        np.testing.assert_allclose(line.get_ydata(), scores.mean(axis=1))
        ends = np.array(spread.get_segments())[:, :, 1]
        np.testing.assert_allclose(ends, np.stack([scores.min(axis=1), scores.max(axis=1)], 1))


def test_runs_show_their_scores(runs: dict[Regime, Run]) -> None:
    axes = figures.draw_runs(runs).axes
    assert [ax.get_title() for ax in axes] == list(runs)
    for ax, run in zip(axes, runs.values(), strict=True):
        train, test = (line.get_ydata() for line in ax.lines)
        np.testing.assert_array_equal(train, [epoch.accuracy for epoch in run.history])
        np.testing.assert_array_equal(test, run.test)
        # Toujours de zéro à un : deux figures se comparent, et un réseau parfait reste visible.
        bottom, top = ax.get_ylim()
        assert bottom == 0
        assert 1 < top < 1.1


def test_confusions_count_by_hand(bars: Task) -> None:
    truth, answers = np.array([0, 0, 1, 2]), np.array([0, 2, 1, 1])
    (ax, other) = figures.draw_confusions(truth, {"a": answers, "b": truth}, ("x", "y", "z")).axes
    counts = {(t.get_position()[1], t.get_position()[0]): int(t.get_text()) for t in ax.texts}
    table = [[counts[i, j] for j in range(3)] for i in range(3)]
    assert table == [[1, 0, 1], [0, 1, 0], [0, 1, 0]]
    assert [ax.get_title(), other.get_title()] == ["a", "b"]
    # Les noms des classes et de l'axe ne se lisent qu'une fois, à gauche.
    assert ax.get_ylabel()
    assert not other.get_ylabel()
    assert [one.yaxis.get_tick_params()["labelleft"] for one in (ax, other)] == [True, False]
    labels = bars[1].labels
    (ax, _) = figures.draw_confusions(labels, {"a": labels, "b": 1 - labels}, ("g", "d")).axes
    expected = sorted([0, 0, *np.bincount(labels)])
    assert sorted(int(t.get_text()) for t in ax.texts) == expected
