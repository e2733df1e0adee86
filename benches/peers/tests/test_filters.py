"""Selectivities, and filters that run against the question."""

import numpy as np
import pytest

from peers.filters import COLUMNS, Kind, make_columns, opposed, passing, predicate
from peers.options import SELECTIVITIES
from peers.tests.test_truth import vectors
from peers.truth import Floats, nearest

ROWS = 20_000
BASE = vectors(ROWS, 16, 1)
MADE = make_columns(BASE, 1)


@pytest.mark.parametrize("selectivity", SELECTIVITIES)
@pytest.mark.parametrize("column", COLUMNS)
def test_one_condition_lets_just_so_many_rows_pass(column: str, selectivity: float) -> None:
    where = predicate(Kind.OPPOSED if column == "far" else Kind.RANDOM, 1, selectivity)
    passed = MADE[column] < where[0].bound
    assert passed.sum() == round(ROWS * selectivity)
    if column != "b":
        assert (passing(MADE, where) == passed).all()


@pytest.mark.parametrize("selectivity", SELECTIVITIES)
@pytest.mark.parametrize("kind", Kind)
def test_two_conditions_let_about_so_many_rows_pass(kind: Kind, selectivity: float) -> None:
    where = predicate(kind, 2, selectivity)
    assert len({condition.column for condition in where}) == 2
    expected = ROWS * selectivity
    assert passing(MADE, where).sum() == pytest.approx(expected, abs=4 * np.sqrt(expected) + 1)


def test_no_condition_lets_all_pass() -> None:
    assert passing(MADE, ()).all()


def test_the_same_seed_gives_the_same_columns() -> None:
    again = make_columns(BASE, 1)
    assert all((again[name] == MADE[name]).all() for name in COLUMNS)
    assert (make_columns(BASE, 2)["a"] != MADE["a"]).any()


def stretched(count: int, seed: int) -> Floats:
    """Rows that vary most in the first coordinate."""
    rows = vectors(count, 16, seed).copy()
    rows[:, 0] *= 3
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def nearer(kind: Kind, base: Floats, questions: Floats, numbers: tuple[int, ...]) -> float:
    """How many rows are nearer than the last true answer behind a filter of 10 %, on average."""
    mask = passing(make_columns(base, 1), predicate(kind, 1, 0.1))
    asked = questions[list(numbers)]
    truth = nearest(base, asked, 10, mask)
    lasts = [min(base[row] @ question for row in rows) for rows, question in zip(truth.accepted, asked, strict=True)]
    counts = [int((base @ question > last).sum()) for last, question in zip(lasts, asked, strict=True)]
    return float(np.mean(counts))


def test_filters_against_the_question_lead_far_away() -> None:
    base, questions = stretched(5000, 2), stretched(200, 3)
    numbers = opposed(base, questions)
    assert len(numbers) == 40
    random = nearer(Kind.RANDOM, base, questions, numbers)
    against = nearer(Kind.OPPOSED, base, questions, numbers)
    # Of random rows every tenth passes, so the tenth answer has about ninety rows before it.
    assert 60 < random < 150
    assert against > 10 * random


def test_questions_against_a_filter_lie_at_the_other_end_of_it() -> None:
    base, questions = stretched(5000, 4), stretched(200, 5)
    far = make_columns(base, 1)["far"]
    values = [far[int(np.argmax(base @ questions[number]))] for number in opposed(base, questions)]
    assert np.median(values) > 8000
