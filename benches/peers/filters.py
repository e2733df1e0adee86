"""Columns to filter by, and predicates on them of a known selectivity.

`a` and `b` have nothing to do with the vectors. `far` is a row's place along the direction in which
the rows vary most: the questions that lie at its upper end, asked with `far < bound`, are answered by
rows from its lower end, so the filter drops just what lies near the question.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from peers.truth import Floats, Mask

# Values of each column, each as frequent as the others: the lowest selectivity there can be.
BUCKETS = 10_000
COLUMNS = ("a", "b", "far")
# Of the questions, those at the upper end of the direction.
OPPOSED_SHARE = 0.2
# Rows from which the direction is found.
SAMPLE = 10_000

Columns = Mapping[str, NDArray[np.int32]]


@dataclass(frozen=True)
class Condition:
    """`column < bound`."""

    column: str
    bound: int


# All of the conditions hold; no condition is no filter.
Predicate = tuple[Condition, ...]


class Kind(Enum):
    """How a filter relates to the question."""

    RANDOM = "random"
    OPPOSED = "against the question"


def predicate(kind: Kind, conditions: int, selectivity: float) -> Predicate:
    """One condition or two, which `selectivity` (0 to 1) of the rows pass together.

    Of two against the question, one is: the other is random.
    """
    columns = {Kind.RANDOM: ("a", "b"), Kind.OPPOSED: ("far", "b")}[kind][:conditions]
    bound = max(round(BUCKETS * selectivity ** (1 / conditions)), 1)
    return tuple(Condition(column, bound) for column in columns)


def passing(columns: Columns, where: Predicate) -> Mask:
    """Which rows a predicate lets pass."""
    mask = np.ones(len(columns["a"]), np.bool_)
    for condition in where:
        mask &= columns[condition.column] < condition.bound
    return mask


def evenly(order: NDArray[np.int64]) -> NDArray[np.int32]:
    """A value of `BUCKETS` for each row by its rank in `order`: 0 for the first."""
    values = np.empty(len(order), np.int32)
    values[order] = np.arange(len(order), dtype=np.int64) * BUCKETS // len(order)
    return values


def direction(base: Floats) -> Floats:
    """The direction in which a sample of the rows varies most."""
    rows = base[:: max(len(base) // SAMPLE, 1)].astype(np.float64)
    _, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
    return np.asarray(vectors[:, -1], np.float32)


def make_columns(base: Floats, seed: int) -> dict[str, NDArray[np.int32]]:
    """The columns of all rows; the same seed gives the same ones."""
    rng = np.random.default_rng(seed)
    along = np.argsort(base @ direction(base), kind="stable")
    return {"a": evenly(rng.permutation(len(base))), "b": evenly(rng.permutation(len(base))), "far": evenly(along)}


def opposed(base: Floats, questions: Floats) -> tuple[int, ...]:
    """The questions at the upper end of the direction, whose near rows `far < bound` drops."""
    along = questions @ direction(base)
    count = max(round(len(questions) * OPPOSED_SHARE), 1)
    return tuple(sorted(np.argsort(along)[-count:].tolist()))
