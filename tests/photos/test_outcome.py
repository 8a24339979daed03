"""Les réponses sur le test : les pires erreurs, les confusions, chaque classe."""

from collections import Counter
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes import odd
from photos.outcome import WORST, Outcome
from reseaux.formatting import integer, percent


def test_worst_mistakes_come_first() -> None:
    found = odd()
    assert found.worst == [2, 0]
    assert found.right == 2
    assert "50,0\u00a0% (2 sur 4)" in found.accuracy()
    assert "donnerait 50,0" in found.accuracy()
    assert [row[0] for row in found.mistakes().rows] == ["f2", "f0"]
    assert found.told(2) == ("b", "5 $ \\et 10 $", "80\u00a0%")


def test_confused_pairs_and_accuracy_by_class() -> None:
    truth = np.array([0, 0, 0, 1, 1, 2])
    answers = np.array([1, 1, 0, 1, 2, 2])
    found = Outcome(tuple("abcd"), tuple("uvwxyz"), truth, np.eye(4)[answers])
    assert found.confused_pairs().rows == [("a", "b", 2), ("b", "c", 1)]
    assert found.by_class().rows == [
        ("a", 3, "33\u00a0%"),
        ("b", 2, "50\u00a0%"),
        ("c", 1, "100\u00a0%"),
    ]
    perfect = Outcome(("a", "b"), ("u", "v"), np.array([0, 1]), np.eye(2))
    assert perfect.confused_pairs().rows == []


def test_each_table_has_a_caption_and_one_head_by_column() -> None:
    found = odd()
    tables = (found.mistakes(), found.confused_pairs(), found.by_class())
    assert {table.caption: table.columns for table in tables} == {
        "Les erreurs, de la plus sûre d'elle à la plus hésitante": (
            "fichier", "vraie classe", "réponse", "probabilité",
        ),
        "Les confusions les plus fréquentes": ("vraie classe", "réponse", "images"),
        "Exactitude par classe": ("classe", "images de test", "exactitude"),
    }  # fmt: skip


def test_the_baseline_is_the_commonest_class_and_not_the_commonest_answer() -> None:
    truth, answers = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    found = Outcome(("a", "b"), tuple("wxyz"), truth, np.eye(2)[answers])
    assert "donnerait 75,0" in found.accuracy()


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    """De deux à cinq classes, quelques réponses ; deux probabilités ne sont jamais égales."""
    classes, count = draw(st.integers(2, 5)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Outcome(
        tuple(f"classe {k}" for k in range(classes)),
        tuple(f"fichier {i}" for i in range(count)),
        rng.integers(0, classes, count),
        rng.dirichlet(np.full(classes, 0.7), count),
    )


def wilson(right: int, total: int) -> tuple[float, float]:
    """Les bornes de Wilson, par leur formule fermée."""
    z = NormalDist().inv_cdf(0.975)
    part = right / total
    middle = part + z * z / (2 * total)
    half = z * (part * (1 - part) / total + z * z / (4 * total * total)) ** 0.5
    return (middle - half) / (1 + z * z / total), (middle + half) / (1 + z * z / total)


@given(outcomes())
def test_everything_follows_from_the_answers(found: Outcome) -> None:
    """Chaque nombre du rapport, refait à la main à partir des vraies classes et des réponses."""
    truth, total = found.truth.tolist(), len(found.truth)
    answers = [max(range(len(row)), key=row.__getitem__) for row in found.probabilities.tolist()]
    pairs = Counter(zip(truth, answers, strict=True))
    for i in range(len(found.names)):
        for j in range(len(found.names)):
            assert found.confusion[i, j] == pairs[i, j]
    right = sum(t == a for t, a in zip(truth, answers, strict=True))
    assert found.right == right
    low, high = wilson(right, total)
    assert found.accuracy() == (
        f"Exactitude sur le test : {percent(right / total)} ({integer(right)} sur {total}), "
        f"intervalle à 95 % : de {percent(max(low, 0))} à {percent(min(high, 1))}.\n"
        "Répondre toujours la classe la plus fréquente donnerait "
        f"{percent(max(Counter(truth).values()) / total)}."
    )
    certainties = [found.probabilities[i, answers[i]] for i in found.worst]
    assert certainties == sorted(certainties, reverse=True)
    assert sorted(found.worst) == [i for i in range(total) if truth[i] != answers[i]]
    for i, row in zip(found.worst, found.mistakes().rows, strict=True):
        names = [found.names[k] for k in (truth[i], answers[i])]
        assert list(row) == [f"fichier {i}", *names, percent(found.probabilities[i].max(), 0)]
    shown = found.confused_pairs().rows
    counts = [count for _, _, count in shown]
    assert counts == sorted(counts, reverse=True)
    wrong = {(found.names[t], found.names[a], n) for (t, a), n in pairs.items() if t != a}
    assert set(shown) <= wrong
    assert len(shown) == min(len(wrong), WORST)
    parts = [pairs[k, k] / truth.count(k) for k in set(truth)]
    rows = found.by_class().rows
    assert [row[2] for row in rows] == [percent(part, 0) for part in sorted(parts)]
    assert {row[0]: row[1] for row in rows} == {found.names[k]: truth.count(k) for k in set(truth)}


@pytest.mark.parametrize("wrong", [WORST, WORST + 1])
def test_the_commonest_confusions_are_those_shown(wrong: int) -> None:
    """La k-ième classe se trompe k fois : les plus fréquentes sont les dernières."""
    truth = np.concatenate([np.full(k, k) for k in range(1, wrong + 1)])
    found = Outcome(
        tuple(map(str, range(wrong + 1))), ("f",) * len(truth), truth,
        np.eye(wrong + 1)[np.zeros_like(truth)],
    )  # fmt: skip
    rows = found.confused_pairs().rows
    assert rows == [(str(k), "0", k) for k in range(wrong, wrong - WORST, -1)]
