"""Les grandes images : les découpes de l'atlas, et rien que la taille qui change."""

import numpy as np
import pytest

from experiments import atlas, enlarged, tasks


@pytest.mark.parametrize("size", enlarged.SIZES)
def test_the_images_change_size_and_nothing_else(size: int) -> None:
    usual, task = tasks.TASKS["solar"], enlarged.task_of(size)
    whole = tasks.images_of(task, 0)
    assert whole.images.shape[1:] == (size, size)
    assert tasks.side(task, "lite0") == size
    assert np.array_equal(whole.labels, tasks.images_of(usual, 0).labels)
    for draw in range(atlas.DRAWS):
        for ours, theirs in zip(task.split(draw), usual.split(draw), strict=True):
            assert np.array_equal(ours, theirs)


def test_the_atlas_is_asked_for_every_cell_at_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    measures = dict.fromkeys(atlas.STUDY.measures, 0.5)
    monkeypatch.setattr(atlas, "tuned", lambda *given: seen.append(given) or measures)
    for size in enlarged.SIZES:
        found = enlarged.measure({"method": "fine-tuning", "size": size, "draw": 1})
        assert list(found) == list(enlarged.STUDY.measures)
    for (cell, recipe, task), size in zip(seen, enlarged.SIZES, strict=True):
        same = {"task": "solar", "backbone": "lite0", "labels": tasks.ALL, "draw": 1}
        assert {**cell} == {**same, "method": "fine-tuning", "size": size}
        assert cell["labels"] == 0
        assert (recipe.rates, recipe.epochs_for(1000)) == (enlarged.RATES, enlarged.EPOCHS)
        assert task.size == size


def test_both_sizes_see_the_same_draws() -> None:
    plan = enlarged.STUDY.plan
    for size in enlarged.SIZES:
        assert [c["draw"] for c in plan if c["size"] == size] == [*range(atlas.DRAWS)]
