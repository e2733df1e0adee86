"""Percentiles, medians, ratios, rates at a recall."""

import math
from itertools import pairwise

import pytest

from peers.figures import Pair, Spread, frontier, percentile, rate_at, ratios


def test_percentile_is_a_value_that_so_many_do_not_exceed() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, percent) for percent in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([3.0], 1) == 3.0
    assert percentile([1.0, 2.0], 51) == 2.0
    assert math.isnan(percentile([], 50))


def test_spread_is_the_median_with_both_ends() -> None:
    assert Spread.of([5.0, 1.0, 9.0]) == Spread(5.0, 1.0, 9.0)
    assert Spread.of([1.0, 2.0]).middle == 1.5


def test_ratios_are_taken_within_a_round() -> None:
    # The machine was half as fast in the second round: the ratio does not change.
    assert ratios([100.0, 50.0], [10.0, 5.0]) == Spread(10.0, 10.0, 10.0)
    assert ratios([1.0], []) is None
    assert ratios([1.0], [0.0]) is None


def test_frontier_leaves_out_what_another_beats_in_both() -> None:
    slow = Pair(0.9, 10)
    best = [Pair(0.8, 100), Pair(0.95, 50), Pair(0.99, 20)]
    assert frontier([best[2], slow, best[0], best[1]]) == best
    assert all(left.recall < right.recall and left.rate > right.rate for left, right in pairwise(best))


def test_rate_at_a_recall_lies_between_its_neighbours() -> None:
    pairs = [Pair(0.9, 1000), Pair(1.0, 10)]
    at = rate_at(pairs, 0.95)
    assert at is not None
    assert at.rate == pytest.approx(100)
    assert not at.at_least


def test_rate_at_a_recall_says_where_it_is_a_bound_or_unknown() -> None:
    pairs = [Pair(0.97, 300), Pair(0.98, 200)]
    assert rate_at(pairs, 0.95) is not None
    assert rate_at(pairs, 0.95).at_least  # type: ignore[union-attr]
    assert not rate_at(pairs, 0.97).at_least  # type: ignore[union-attr]
    assert rate_at(pairs, 0.99) is None
    assert rate_at([], 0.5) is None
