"""What the tests of all Python clients share: rows, questions, and the truth about them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = 2000
DIMS = 24
BITS = 64
KINDS = 7
K = 10
FLOAT_OPERATORS = ("<->", "<#>", "<=>", "<+>")
BIT_OPERATORS = ("<~>", "<%>")

Rows = NDArray[Any]


class Data:
    """Rows with ids from 1 on: floats, the same rounded to float16, those above a half, and bits.

    All of them follow from a few random numbers a row and are about as long as one another, as embeddings are: so a
    search of a graph finds their neighbours.
    """

    def __init__(self) -> None:
        random = np.random.default_rng(20)
        few, spread = random.standard_normal((ROWS + 1, 5)), random.standard_normal((5, DIMS))
        lengths = random.uniform(0.9, 1.1, (ROWS + 1, 1))
        dense = (few @ spread / np.linalg.norm(few @ spread, axis=1, keepdims=True) * lengths).astype(np.float32)
        half = dense.astype(np.float16)
        sparse = np.where(dense > 0.1, dense, np.float32(0))
        sparse[:, 0] = 1
        bits = dense @ random.standard_normal((DIMS, BITS)) > 0
        self.kinds = np.arange(ROWS) % KINDS
        # Questions are of the same kind as the rows, but no rows.
        self.dense, self.question = dense[:-1], dense[-1]
        self.half, self.half_question = half[:-1], half[-1]
        self.sparse, self.sparse_question = sparse[:-1], sparse[-1]
        self.bits, self.bit_question = bits[:-1], bits[-1]


DATA = Data()


def distances(operator: str, rows: Rows, question: Rows) -> NDArray[np.float64]:
    """What an operator gives for each row, in float64."""
    if operator in BIT_OPERATORS:
        differ = (rows != question).sum(axis=1).astype(np.float64)
        either = (rows | question).sum(axis=1)
        return differ if operator == "<~>" else differ / np.maximum(either, 1)
    left, right = rows.astype(np.float64), question.astype(np.float64)
    inner = left @ right
    match operator:
        case "<->":
            return np.sqrt(((left - right) ** 2).sum(axis=1))
        case "<#>":
            return -inner
        case "<=>":
            return 1 - inner / (np.linalg.norm(left, axis=1) * np.linalg.norm(right))
        case "<+>":
            return np.abs(left - right).sum(axis=1)
    raise ValueError(operator)


def assert_nearest(found: Sequence[int], operator: str, rows: Rows, question: Rows, kind: int | None = None) -> None:
    """The K ids are those of the nearest rows, in order.

    An index is approximate: one row of the ten may be a farther one. Rows that are equally far may change places.
    """
    truth = distances(operator, rows, question)
    among = truth if kind is None else truth[DATA.kinds == kind]
    assert len(set(found)) == len(found) == K
    places = np.array(found) - 1
    given = truth[places]
    assert (np.diff(given) >= -1e-5).all()
    assert (given <= np.sort(among)[K - 1] + 1e-5).sum() >= K - 1
    if kind is not None:
        assert set(DATA.kinds[places]) == {kind}


def nearest_id(operator: str = "<=>") -> int:
    """The row that is nearest to the question."""
    return 1 + int(np.argmin(distances(operator, DATA.dense, DATA.question)))


def assert_distances(found: Iterable[float], operator: str, rows: Rows, question: Rows) -> None:
    """What the server computed for rows, in their order, is what numpy computes."""
    np.testing.assert_allclose(list(found), distances(operator, rows, question), rtol=1e-5, atol=1e-5)


def assert_means(mean: Rows, total: Rows, kind: int) -> None:
    """`avg` and `sum` of the dense column over the rows of a kind."""
    rows = DATA.dense[DATA.kinds == kind].astype(np.float64)
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(total, rows.sum(axis=0), rtol=1e-4, atol=1e-3)


def bit_text(row: Rows) -> str:
    """As PostgreSQL writes bit strings."""
    return "".join("1" if bit else "0" for bit in row)


def index_of(plan: Any) -> str | None:
    """The name of the index that a plan, as EXPLAIN (FORMAT JSON) gives it, reads."""
    if isinstance(plan, (str, bytes)):
        plan = json.loads(plan)
    return next((node["Index Name"] for node in nodes(plan[0]["Plan"]) if "Index Name" in node), None)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A node of a plan and all below it."""
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


# What an index is: its method, operator class and options.
INDEX_QUERY = """
    SELECT a.amname, o.opcname, c.reloptions
      FROM pg_class c JOIN pg_am a ON a.oid = c.relam JOIN pg_index i ON i.indexrelid = c.oid
      JOIN pg_opclass o ON o.oid = i.indclass[0]
     WHERE c.relname = '{}'"""
OPTIONS = ["m=12", "ef_construction=80"]
