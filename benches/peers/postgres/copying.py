"""Rows as binary COPY takes them, many at once."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from peers.truth import Floats

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
TOGETHER = 2000


def binary_rows(integers: Mapping[str, NDArray[np.int32]], vectors: Floats) -> Iterator[bytes]:
    """Blocks of a COPY of int4 columns and, last, a column of type vector."""
    dims = vectors.shape[1]
    fields: list[tuple[str, str] | tuple[str, str, int]] = [("fields", ">i2")]
    for name in integers:
        fields += [(f"{name} bytes", ">i4"), (name, ">i4")]
    fields += [("bytes", ">i4"), ("dims", ">i2"), ("unused", ">i2"), ("elements", ">f4", dims)]
    yield HEADER
    for start in range(0, len(vectors), TOGETHER):
        block = vectors[start : start + TOGETHER]
        rows = np.zeros(len(block), np.dtype(fields))
        rows["fields"] = len(integers) + 1
        for name, values in integers.items():
            rows[f"{name} bytes"] = 4
            rows[name] = values[start : start + TOGETHER]
        rows["bytes"] = 4 + 4 * dims
        rows["dims"] = dims
        rows["elements"] = block
        yield rows.tobytes()
    yield TRAILER
