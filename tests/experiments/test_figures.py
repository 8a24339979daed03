"""Les figures montrent les nombres mesurés."""

import numpy as np

from experiments import figures
from experiments.comparison import Comparison, Task
from experiments.following import Regime, Run


def test_the_map_shows_and_frames_the_means(comparison: Comparison) -> None:
    (ax,) = figures.draw_map(comparison).axes
    means = comparison.scores.mean(axis=3)[0]
    assert [t.get_text() for t in ax.texts] == [f"{100 * v:.0f}" for v in means.ravel()]
    framed = [(round(p.get_x() + 0.46), round(p.get_y() + 0.44)) for p in ax.patches]
    assert framed == list(enumerate(means.argmax(axis=0)))
    assert [t.get_text() for t in ax.get_yticklabels()] == [str(m) for m in comparison.methods]


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
    np.testing.assert_array_equal(axes[0].lines[1].get_ydata(), next(iter(runs.values())).test)


def test_confusions_count_by_hand(bars: Task) -> None:
    truth, answers = np.array([0, 0, 1, 2]), np.array([0, 2, 1, 1])
    (ax, other) = figures.draw_confusions(truth, {"a": answers, "b": truth}, ("x", "y", "z")).axes
    counts = {(t.get_position()[1], t.get_position()[0]): int(t.get_text()) for t in ax.texts}
    table = [[counts[i, j] for j in range(3)] for i in range(3)]
    assert table == [[1, 0, 1], [0, 1, 0], [0, 1, 0]]
    assert [ax.get_title(), other.get_title()] == ["a", "b"]
    labels = bars[1].labels
    (ax, _) = figures.draw_confusions(labels, {"a": labels, "b": 1 - labels}, ("g", "d")).axes
    expected = sorted([0, 0, *np.bincount(labels)])
    assert sorted(int(t.get_text()) for t in ax.texts) == expected
