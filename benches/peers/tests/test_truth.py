"""Truth beside a plain computation, ties, filters; recall."""

import numpy as np
import pytest

from peers.truth import Floats, Truth, nearest


def vectors(count: int, dims: int, seed: int) -> Floats:
    """Random ones of length 1."""
    rows = np.random.default_rng(seed).standard_normal((count, dims))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def plainly(base: Floats, question: Floats, k: int, here: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> set[int]:
    """The k nearest rows by sorting all of them in float64."""
    wide = base.astype(np.float64)
    cosines = wide @ question.astype(np.float64) / np.linalg.norm(wide, axis=1)
    order = [row for row in np.argsort(-cosines) if here[row]]
    return {int(row) for row in order[:k]}


@pytest.mark.parametrize("share", [1.0, 0.3, 0.02])
def test_truth_is_what_sorting_all_rows_gives(share: float) -> None:
    base, questions = vectors(1000, 24, 1), vectors(70, 24, 2)
    here = np.random.default_rng(3).random(1000) < share
    truth = nearest(base, questions, 10, here)
    assert truth.accepted == [frozenset(plainly(base, question, 10, here)) for question in questions]
    assert truth.wanted == [10] * 70


def test_rows_as_near_as_the_last_one_count_as_well() -> None:
    base = np.repeat(vectors(30, 8, 4), 3, axis=0)
    question = base[:1]
    truth = nearest(base, question, 4)
    # Three rows equal the question; the fourth place is shared by three more.
    assert len(truth.accepted[0]) == 6
    assert {0, 1, 2} <= truth.accepted[0]
    other = sorted(truth.accepted[0] - {0, 1, 2})
    for row in other:
        assert truth.recall([[0, 1, 2, row]]) == 1.0


def test_truth_of_fewer_rows_than_wanted_is_all_of_them() -> None:
    base = vectors(50, 8, 5)
    here = np.zeros(50, np.bool_)
    here[[3, 9]] = True
    truth = nearest(base, vectors(2, 8, 6), 10, here)
    assert truth.accepted == [frozenset({3, 9})] * 2
    assert truth.recall([[3, 9], [9]]) == 0.75


def test_truth_where_nothing_passes_is_empty() -> None:
    truth = nearest(vectors(5, 4, 7), vectors(3, 4, 8), 10, np.zeros(5, np.bool_))
    assert truth.recall([[], [], []]) == 1.0


def test_recall_counts_right_rows_once() -> None:
    truth = Truth([frozenset(range(10))], [10])
    assert truth.recall([[0, 0, 0, 1, 99]]) == 0.2
    assert truth.recall([[]]) == 0.0
    with pytest.raises(ValueError, match="2 answers to 1 questions"):
        truth.recall([[], []])


def test_recall_never_exceeds_one() -> None:
    truth = Truth([frozenset({1, 2, 3})], [2])
    assert truth.recall([[1, 2, 3]]) == 1.0
