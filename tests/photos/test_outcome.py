"""Les réponses sur le test : les pires erreurs, les confusions, chaque classe."""

import numpy as np

from outcomes import odd
from photos.outcome import Outcome


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


def test_the_baseline_is_the_commonest_class_and_not_the_commonest_answer() -> None:
    truth, answers = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    found = Outcome(("a", "b"), tuple("wxyz"), truth, np.eye(2)[answers])
    assert "donnerait 75,0" in found.accuracy()
