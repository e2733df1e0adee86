"""How many lists an index of so many rows is measured with."""

import math

# Rows of a list where there are many lists, and the most of these.
SHORT = 25
MOST = 4000


def root(rows: int, times: int = 1) -> int:
    """So many times the root of the rows."""
    return max(round(times * math.sqrt(rows)), 1)


def few_and_many(rows: int) -> tuple[int, int]:
    """What building depends on: the root of the rows, and lists that are short."""
    return root(rows), max(min(MOST, rows // SHORT), 1)
