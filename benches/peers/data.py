"""Rows and questions: embeddings of one's own, the bundled sample, or generated clusters."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from graph.generate import Mixture, write_vectors
from numpy.typing import NDArray

from peers import PROJECT
from peers.filters import make_columns, opposed
from peers.truth import Floats

CACHE = PROJECT / "target/bench-data"
SEED = 1
CLUSTERS = 1000
# Rows of the sample that are asked for instead: it brings ten questions.
HELD_OUT = 490


@dataclass(frozen=True)
class Dataset:
    """Rows of length 1, and questions that are no rows. The id of a row is its place."""

    name: str
    base: Floats
    questions: Floats
    columns: dict[str, NDArray[np.int32]]
    # Questions whose near rows `far < bound` drops.
    opposed: tuple[int, ...]

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.base)

    @property
    def dims(self) -> int:
        """Elements of a vector."""
        return int(self.base.shape[1])

    def save(self, folder: Path) -> None:
        """Writes what engines in processes of their own read."""
        np.save(folder / "base.npy", self.base)
        np.save(folder / "questions.npy", self.questions)
        np.savez(folder / "columns.npz", **self.columns)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Size:
    """How much of a set is taken."""

    rows: int
    questions: int


def make(name: str, base: NDArray[np.float16], questions: NDArray[np.float16], size: Size) -> Dataset:
    """A set of the first rows and questions."""
    rows, asked = unit(base[: size.rows]), unit(questions[: size.questions])
    short = f"{len(rows) // 1000}k" if len(rows) % 1000 == 0 else str(len(rows))
    columns = make_columns(rows, SEED)
    return Dataset(f"{name}-{short}-{rows.shape[1]}", rows, asked, columns, opposed(rows, asked))


def unit(vectors: NDArray[np.float16]) -> Floats:
    """Scaled to length 1, so that cosine and inner product give the same order."""
    wide = np.ascontiguousarray(vectors, np.float32)
    return np.asarray(wide / np.linalg.norm(wide, axis=1, keepdims=True), np.float32)


def read_folder(folder: Path, name: str, size: Size) -> Dataset:
    """`base.f16.npy` and `queries.f16.npy` of a folder."""
    base, questions = (np.load(folder / f"{part}.f16.npy", mmap_mode="r") for part in ("base", "queries"))
    return make(name, base, questions, size)


def read_sample(size: Size) -> Dataset:
    """The bundled passages; some of them are asked for instead of being rows."""
    vectors = np.load(PROJECT / "demo/embeddings.f16.npy")
    questions = np.load(PROJECT / "demo/questions.f16.npy")
    held_out = np.arange(len(vectors)) % (len(vectors) // HELD_OUT) == 0
    return make("sample", vectors[~held_out], np.vstack([questions, vectors[held_out]]), size)


def generate(dims: int, size: Size) -> Dataset:
    """Overlapping clusters of very uneven sizes, as `benches/graph/generate.py` draws them."""
    folder = CACHE / f"clusters-{size.rows}-{size.questions}-{dims}"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        mixture = Mixture.draw(dims, CLUSTERS, SEED)
        write_vectors(mixture, size.rows, size.questions, True, folder)
        (folder / "done").touch()
    return read_folder(folder, "clusters", size)
