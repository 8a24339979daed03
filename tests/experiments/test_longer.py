"""Le réglage plus long : les cases de l'atlas, à la durée près."""

from experiments import atlas, longer


def test_the_cells_are_those_of_the_atlas() -> None:
    known = [dict(cell) for cell in atlas.STUDY.plan]
    shared = [cell for cell in longer.STUDY.plan if dict(cell) in known]
    assert len(longer.STUDY.plan) == 4 * 2 * atlas.DRAWS
    assert {cell["method"] for cell in shared} == {"lp-ft", "fine-tuning"}
    assert {cell["task"] for cell in shared} == {*longer.LABELS}
    assert longer.STUDY.columns == atlas.STUDY.columns
    assert longer.STUDY.fingerprint != atlas.STUDY.fingerprint


def test_only_the_duration_changes(monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(atlas, "tuned", lambda cell, recipe: seen.append((cell, recipe)) or {})
    cell = longer.STUDY.plan[0]
    longer.measure(cell)
    atlas.measure(cell)
    (first, long), (second, short) = seen
    assert first == second == cell
    count = 200  # images étiquetées
    assert (long.epochs_for(count), short.epochs_for(count)) == (longer.EPOCHS, 4)
    assert (long.rates, long.batch_size, long.folds) == (short.rates, short.batch_size, short.folds)
