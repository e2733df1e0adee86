"""The rows that are truly nearest, by measuring all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Float32 sums are off by less than this: what lies so near to the last row is measured again in float64.
DOUBT = 1e-5
# Rows that differ by less are equally near: no engine can tell them apart in float32.
TIE = 1e-7
# Questions that pass over the rows together.
TOGETHER = 32


@dataclass(frozen=True)
class Truth:
    """For each question the rows that count as right, and how many of them an answer can hold."""

    accepted: list[frozenset[int]]
    wanted: list[int]

    def recall(self, found: Sequence[Sequence[int]]) -> float:
        """The share of the rows wanted that were found, over all questions; 1 where none is to be found.

        A row given twice counts once, and more right rows than wanted count as those wanted.
        """
        if len(found) != len(self.accepted):
            raise ValueError(f"{len(found)} answers to {len(self.accepted)} questions")
        answers = zip(found, self.accepted, self.wanted, strict=True)
        hits = sum(min(len(accepted.intersection(rows)), wanted) for rows, accepted, wanted in answers)
        total = sum(self.wanted)
        return hits / total if total else 1.0


def nearest(base: Floats, questions: Floats, k: int, here: Mask | None = None) -> Truth:
    """The `k` nearest rows of each question by cosine distance, among those of `here`.

    Whatever is as near as the last of them counts as well. Rows and questions have length 1, up to
    rounding.
    """
    ids = np.flatnonzero(here) if here is not None else np.arange(len(base))
    rows = base if here is None else base[ids]
    accepted: list[frozenset[int]] = []
    wanted = min(k, len(ids))
    for start in range(0, len(questions), TOGETHER):
        group = questions[start : start + TOGETHER]
        if wanted == 0:
            accepted.extend(frozenset() for _ in group)
            continue
        for question, cosines in zip(group, group @ rows.T, strict=True):
            last = np.partition(cosines, len(cosines) - wanted)[len(cosines) - wanted]
            near = np.flatnonzero(cosines >= last - DOUBT)
            distances = cosine_distances(rows[near], question)
            bound = np.partition(distances, wanted - 1)[wanted - 1] + TIE
            accepted.append(frozenset(ids[near[distances <= bound]].tolist()))
    return Truth(accepted, [wanted] * len(questions))


def cosine_distances(rows: Floats, question: Floats) -> NDArray[np.float64]:
    """1 - cosine, in float64."""
    wide, asked = rows.astype(np.float64), question.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1) * np.linalg.norm(asked)
    return np.asarray(1.0 - wide @ asked / norms)
