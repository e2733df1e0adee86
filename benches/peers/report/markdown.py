"""Tables, and numbers as people read them."""

from collections.abc import Iterable, Sequence

from peers.figures import Spread

MEGABYTE = 1 << 20


def table(head: Sequence[str], rows: Iterable[Sequence[str]], text: int = 1) -> str:
    """A table; so many of the first columns are text, the others are numbers."""
    rule = [*["---"] * text, *["---:"] * (len(head) - text)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def number(value: float) -> str:
    """With three digits that count, and commas between thousands."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}"


def spread(of: Spread) -> str:
    """A median, with the lowest and the highest round where they differ from it."""
    if number(of.lowest) == number(of.highest):
        return number(of.middle)
    return f"{number(of.middle)} ({number(of.lowest)} to {number(of.highest)})"


def times(of: Spread) -> str:
    """A ratio with its spread."""
    middle, lowest, highest = (f"{value:.2f}" for value in (of.middle, of.lowest, of.highest))
    return f"{middle}x" if lowest == highest else f"{middle}x ({lowest} to {highest})"


def megabytes(count: float) -> str:
    """Of 1,048,576 bytes."""
    return number(count / MEGABYTE)
