"""La course des stratégies : mêmes départs, un test à part, des ensembles tels qu'on les dit."""

import pytest
import torch

from experiments import race
from experiments.race import NAMES, STUDY
from experiments.study import Cell
from reseaux.few_data import strategies


def cell(labels: int = 10, steps: int = 3, draw: int = 0) -> Cell:
    return {"draw": draw, "labels": labels, "steps": steps}


def test_the_plan_crosses_sizes_durations_and_draws() -> None:
    assert len(STUDY.plan) == 2 * 4 * 10
    assert {c["steps"] for c in STUDY.plan} == {80, 120, 200, 400}
    assert {c["labels"] for c in STUDY.plan} == {10, 100}
    assert {c["draw"] for c in STUDY.plan} == {*range(10)}
    assert [*STUDY.measures] == [*NAMES]


def test_a_draw_separates_labelled_unlabelled_and_tested() -> None:
    known, free, test = race.parts(100, 0)
    assert known.labels.bincount().tolist() == [10] * 10
    assert abs(len(free.images) - len(test.images)) <= 1
    everything = torch.cat([part.images for part in (known, free, test)]).flatten(1)
    whole = torch.from_numpy(race.data.digits().images).flatten(1)
    assert torch.equal(everything.sum(1).sort().values, whole.sum(1).sort().values)
    assert not torch.equal(race.parts(100, 1)[0].images, known.images)


def test_the_enriched_sets_are_what_their_names_say() -> None:
    known, free, _ = race.parts(10, 0)
    h = strategies.fit(strategies.small_network(10, 0, race.WIDTH), *known, 0, 60)
    sets = race.enriched(known, free.images, h, 0)
    assert [*sets] == [*NAMES][1:]
    copies = 10 * (1 + race.COPIES)
    sizes = {name: len(part.images) for name, part in sets.items()}
    kept = sizes["pseudo"]
    assert sizes == {
        "transformed": copies,
        "pseudo": kept,
        "mixup": copies,
        "cutmix": copies,
        "together": 4 * kept,
    }
    assert 10 < kept < 10 + len(free.images)
    assert all(len(part.labels) == len(part.images) for part in sets.values())
    for part in sets.values():
        assert torch.equal(part.images[:10], known.images)
    for name in ("mixup", "cutmix", "together"):
        assert torch.allclose(sets[name].labels.sum(1), torch.ones(sizes[name]))
    assert torch.equal(sets["transformed"].labels, known.labels.repeat(1 + race.COPIES))


def test_no_tested_image_is_given_to_the_labeller(monkeypatch: pytest.MonkeyPatch) -> None:
    given, enriched = [], race.enriched
    monkeypatch.setattr(race, "enriched", lambda *a: given.append(a[1]) or enriched(*a))
    STUDY.measure(cell())
    _, free, test = race.parts(10, 0)
    assert torch.equal(given[0], free.images)
    assert not torch.equal(given[0], test.images)


def test_every_network_starts_alike_and_learns_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    starts, fit = [], strategies.fit

    def spied(network, images, targets, seed, steps, batch):  # type: ignore[no-untyped-def]
        starts.append((network[0].weight.sum().item(), seed, steps, batch))
        return fit(network, images, targets, seed, steps, batch)

    monkeypatch.setattr(strategies, "fit", spied)
    race.measure(cell(steps=3, draw=2))
    assert len(starts) == len(NAMES)
    assert len({*starts}) == 1
    assert starts[0][1:] == (2, 3, race.BATCH)


def test_a_longer_cell_learns_more() -> None:
    short, long = race.measure(cell(100, 2)), race.measure(cell(100, 60))
    assert float(long["nothing"]) > float(short["nothing"]) + 0.2
    assert [*short] == [*NAMES]


def test_a_cell_is_the_same_twice_and_leaves_randomness_alone() -> None:
    before = torch.get_rng_state()
    found = race.measure(cell())
    assert race.measure(cell()) == found
    assert race.measure(cell(draw=1)) != found
    assert torch.equal(torch.get_rng_state(), before)
