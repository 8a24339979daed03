"""Un entraînement suivi : ce qui bouge, et ce que le réseau vaut après chaque époque."""

import torch
from torch import nn

from experiments.comparison import Task
from experiments.following import Regime, Run
from reseaux.reuse import training, transfer, weights


def _same(a: nn.Module, b: nn.Module, kind: str) -> bool:
    """Les étages des deux réseaux ont-ils les mêmes paramètres, ou les mêmes statistiques ?"""
    before, after = (dict(getattr(m.features, f"named_{kind}")()) for m in (a, b))
    return all(torch.equal(before[name], after[name]) for name in before)


def test_what_moves_in_each_training(runs: dict[Regime, Run], glyphs: weights.Pretrained) -> None:
    moved = {
        how: [not _same(glyphs.model, run.model, kind) for kind in ("parameters", "buffers")]
        for how, run in runs.items()
    }
    assert moved == {
        Regime.WHOLE: [True, True],
        Regime.FROZEN: [False, False],
        Regime.DRIFTING: [False, True],
    }


def test_followed_scores_are_those_of_the_network(
    runs: dict[Regime, Run], bars: Task, glyphs: weights.Pretrained
) -> None:
    test = bars[1]
    for run in runs.values():
        assert [epoch.number for epoch in run.history] == [1, 2, 3, 4]
        assert len(run.test) == 4
        assert not run.model.training
        found = training.accuracy(
            run.model, transfer.prepare(glyphs, test, 32), torch.from_numpy(test.labels)
        )
        assert run.test[-1] == found
