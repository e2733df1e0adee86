"""Arithmetic on measurements: percentiles, medians with spread, ratios, and the rate at a recall."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """A median with the lowest and the highest round."""

    middle: float
    lowest: float
    highest: float

    @staticmethod
    def of(values: Iterable[float]) -> "Spread":
        """Of what the rounds gave; at least one."""
        known = list(values)
        return Spread(median(known), min(known), max(known))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread | None:
    """`ours / theirs`, taken within each round; None where a round has nothing to divide by."""
    if not ours or len(ours) != len(theirs) or not all(theirs):
        return None
    return Spread.of(mine / other for mine, other in zip(ours, theirs, strict=True))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all do not exceed: the nearest rank, never between two."""
    if not values:
        return math.nan
    rank = max(math.ceil(len(values) * percent / 100), 1)
    return sorted(values)[rank - 1]


@dataclass(frozen=True)
class Pair:
    """A recall, with the queries a second at which it was reached."""

    recall: float
    rate: float


@dataclass(frozen=True)
class RateAt:
    """Queries a second at a recall; a lower bound where even the cheapest setting finds more."""

    rate: float
    at_least: bool


def frontier(pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs that no other beats in both, by rising recall."""
    best: list[Pair] = []
    for pair in sorted(pairs, key=lambda pair: (pair.recall, pair.rate), reverse=True):
        if not best or pair.rate > best[-1].rate:
            best.append(pair)
    return best[::-1]


def rate_at(pairs: Iterable[Pair], recall: float) -> RateAt | None:
    """The rate at a recall, between two points linear in recall and in the logarithm of the rate.

    None where no setting finds as much.
    """
    best = frontier(pairs)
    place = next((place for place, pair in enumerate(best) if pair.recall >= recall), None)
    if place is None:
        return None
    above = best[place]
    if place == 0:
        return RateAt(above.rate, above.recall > recall)
    below = best[place - 1]
    share = (recall - below.recall) / (above.recall - below.recall)
    return RateAt(math.exp(math.log(below.rate) * (1 - share) + math.log(above.rate) * share), False)


def recall_at(pairs: Iterable[Pair], rate: float) -> float | None:
    """The recall at a rate, between the same points; None where every setting is slower, the highest recall where
    every one is faster."""
    best = frontier(pairs)
    fast = [pair for pair in best if pair.rate >= rate]
    if not fast:
        return None
    below, above = fast[-1], best[len(fast) : len(fast) + 1]
    if not above:
        return below.recall
    share = (math.log(below.rate) - math.log(rate)) / (math.log(below.rate) - math.log(above[0].rate))
    return below.recall + share * (above[0].recall - below.recall)
