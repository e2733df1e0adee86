"""How many lists an index of so many rows is measured with."""

import math


def root(rows: int, times: int = 1) -> int:
    """So many times the root of the rows."""
    return max(round(times * math.sqrt(rows)), 1)
