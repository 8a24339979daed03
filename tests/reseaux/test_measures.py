"""Les intervalles, face à scipy et à ce qu'ils promettent ; la matrice de confusion."""

import re
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import binomtest

from reseaux import measures
from reseaux.errors import ReseauxError


def test_interval_is_scipy_student_interval():
    values = np.random.default_rng(0).normal(size=12)
    for confidence in (0.5, 0.95, 0.99):
        ours = measures.mean_interval(values, confidence)
        oracle = stats.t.interval(confidence, 11, values.mean(), stats.sem(values))
        assert (ours.low, ours.high) == pytest.approx(oracle)


def test_interval_agrees_with_the_bootstrap_on_many_values():
    values = np.random.default_rng(1).uniform(size=600)
    ours = measures.mean_interval(values)
    oracle = stats.bootstrap((values,), np.mean, n_resamples=4000, rng=0).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((oracle.low, oracle.high), abs=0.002)


def test_interval_covers_the_true_mean_as_often_as_it_says():
    rng = np.random.default_rng(2)
    intervals = [measures.mean_interval(rng.normal(3, 1, 5)) for _ in range(2000)]
    assert np.mean([i.low < 3 < i.high for i in intervals]) == pytest.approx(0.95, abs=0.015)


def test_interval_is_written_in_french():
    assert str(measures.Interval(0.873, 0.8669, 0.8791)) == "87,3 ± 0,6\u00a0%"


def test_a_lopsided_interval_writes_its_bounds_and_a_centred_one_its_half_width():
    # Douze bonnes réponses sur douze : « 100 ± 12 % » annoncerait plus de 100 %.
    assert str(measures.wilson(12, 12)) == "100,0\u00a0% (de 75,8 à 100,0\u00a0%)"
    assert str(measures.wilson(9, 12)) == "75,0\u00a0% (de 46,8 à 91,1\u00a0%)"
    assert " ± " in str(measures.wilson(6, 12))  # la moitié : celui de Wilson est alors centré
    values = np.random.default_rng(0).uniform(size=50)
    assert " ± " in str(measures.mean_interval(values))
    assert measures.Interval(0.9, 0.7, 1).half == pytest.approx(0.15)


@settings(deadline=None)
@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_what_is_written_gives_the_bounds_back(counts):
    interval = measures.wilson(*counts)
    numbers = [float(x.replace(",", ".")) for x in re.findall(r"\d+,\d", str(interval))]
    low, high = (
        numbers[1:] if len(numbers) == 3 else (numbers[0] - numbers[1], numbers[0] + numbers[1])
    )
    assert numbers[0] == pytest.approx(100 * interval.mean, abs=0.051)
    assert (low, high) == pytest.approx((100 * interval.low, 100 * interval.high), abs=0.11)


@pytest.mark.parametrize(
    ("values", "confidence", "words"),
    [
        ([0.5], 0.95, "au moins 2"),
        ([[0.5, 0.6]], 0.95, "forme"),
        ([0.5, float("nan")], 0.95, "NaN"),
        (["a", "b"], 0.95, "nombres réels"),
        ([1j, 2], 0.95, "nombres réels"),
        ([0.5, [1]], 0.95, "liste de nombres"),
        (np.ma.masked_greater([0.5, 0.6, 9.0], 1), 0.95, "liste de nombres"),
        ([0.5, 0.6], 95, "de 0 à 1, exclus"),
    ],
)
def test_impossible_intervals_are_refused(values, confidence, words):
    with pytest.raises(ReseauxError, match=words):
        measures.mean_interval(values, confidence)


@pytest.mark.parametrize(("right", "total"), [(0, 1), (1, 1), (0, 12), (12, 12), (7, 9), (81, 263)])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_wilson_against_scipy(right: int, total: int, confidence: float) -> None:
    theirs = binomtest(right, total).proportion_ci(confidence, method="wilson")
    ours = measures.wilson(right, total, confidence)
    assert (ours.mean, ours.low, ours.high) == (right / total, theirs.low, theirs.high)


def test_wilson_refuses() -> None:
    with pytest.raises(ReseauxError, match="« total » vaut 0 ; il faut un entier, au moins 1"):
        measures.wilson(0, 0)
    with pytest.raises(ReseauxError, match="3 bonnes réponses sur 2"):
        measures.wilson(3, 2)
    with pytest.raises(ReseauxError, match="de 0 à 1, exclus"):
        measures.wilson(1, 2, 95)


@pytest.mark.parametrize(
    ("truth", "answers"), [([0, 1], [0]), ([0, 2], [0, 1]), ([0, 1], [0, -1]), ([0.0, 1], [0, 1])]
)
def test_a_class_without_a_name_is_not_dropped_from_the_matrix(
    truth: list[int], answers: list[int]
) -> None:
    with pytest.raises(ReseauxError, match="de 0 à 1"):
        measures.draw_confusion(plt.gca(), np.array(truth), np.array(answers), ("a", "b"))
    plt.close()


def test_the_confusion_matrix_has_a_row_per_true_class() -> None:
    _, ax = plt.subplots()
    # Trois « a » dits « b », un « b » dit « c », un « c » juste : la matrice n'est pas symétrique.
    truth, answers = np.array([0, 0, 0, 1, 2]), np.array([1, 1, 1, 2, 2])
    measures.draw_confusion(ax, truth, answers, ("a", "5 $ et 10 $", "c"))
    shown = {
        (round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in ax.texts
    }
    assert {place: text for place, text in shown.items() if text != "0"} == {
        (0, 1): "3",
        (1, 2): "1",
        (2, 2): "1",
    }
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "5 $ et 10 $", "c"]
    assert ax.get_xlabel() == "classe répondue"
    assert ax.get_ylabel() == "vraie classe"
    assert ax.figure.axes == [ax]  # ni échelle de couleurs : les nombres sont écrits
    plt.close()


def test_what_has_no_finite_interval_is_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for call in (
            lambda: measures.wilson(3, 5, 1 - 1e-16),
            lambda: measures.mean_interval([1e308, 1e308]),
            lambda: measures.mean_interval([-1e308, 1e308]),
            lambda: measures.Interval("a", 1, 2),
        ):
            with pytest.raises(ReseauxError):
                call()
    assert np.isfinite(measures.wilson(3, 5, 0.999999).high)


def test_a_single_class_warns_of_nothing():
    _, ax = plt.subplots()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measures.draw_confusion(ax, np.array([0, 0]), np.array([0, 0]), ["a"])
    assert [text.get_text() for text in ax.texts] == ["2"]
    plt.close("all")
