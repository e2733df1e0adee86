"""FAISS: exact search, its graph, its inverted lists of rows and of codes."""

from typing import Any

import faiss as bindings
import numpy as np

from peers.engines.base import BUILD_WIDTH, DEGREE, PROBES, Search, Setting, Sweep
from peers.engines.library import Library, Ready
from peers.lists import root
from peers.truth import Floats

# Its stubs lack much of what it has.
faiss: Any = bindings

# Lists are trained on so many rows each at most: more change little.
TRAINED = 256
# FAISS asks for so many a list at least.
TRAINED_AT_LEAST = 39


class Faiss(Library):
    """What its indexes share."""

    version = bindings.__version__

    def fill(self, threads: int) -> None:
        faiss.omp_set_num_threads(threads)
        self.index = self.make(self.base.shape[1])
        self.index.train(self.base)
        self.index.add(self.base)
        faiss.omp_set_num_threads(1)

    def make(self, dims: int) -> Any:
        """An empty index."""
        raise NotImplementedError

    def prepare(self, question: Floats, search: Search) -> Ready:
        index, k = self.index, search.k
        return lambda: index.search(question, k)

    def ids(self, answer: Any) -> list[int]:
        return [int(row) for row in answer[1][0] if row >= 0]

    def stored_bytes(self) -> int:
        sizes: list[int] = []
        faiss.write_index(self.index, faiss.PyCallbackIOWriter(lambda block: sizes.append(len(block))))
        return sum(sizes)


class Flat(Faiss):
    """Exact search over float32."""

    name = "faiss_flat"
    about = "IndexFlatIP: every row is measured"

    def make(self, dims: int) -> Any:
        return faiss.IndexFlatIP(dims)

    def sweeps(self) -> list[Sweep]:
        return [Sweep(({},))]

    def apply(self, setting: Setting) -> None:
        """Nothing can be set."""


class Graph(Faiss):
    """Its graph over float32."""

    name = "faiss_hnsw"
    about = f"IndexHNSWFlat, M={DEGREE}, efConstruction={BUILD_WIDTH}, float32"

    def make(self, dims: int) -> Any:
        index = faiss.IndexHNSWFlat(dims, DEGREE, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = BUILD_WIDTH
        return index

    def apply(self, setting: Setting) -> None:
        self.index.hnsw.efSearch = setting["ef"]


class Lists(Faiss):
    """Inverted lists of float32 rows, so many times the root of the rows."""

    codes = "Flat"

    def __init__(self, name: str, times: int) -> None:
        super().__init__()
        self.name, self.times = name, times
        self.asked: int | None = None

    def use_lists(self, lists: int | None) -> None:
        """Has the next index made with so many lists; None for as many as its own."""
        self.asked = lists

    def lists(self) -> int:
        """How many, for the rows at hand."""
        rows = len(self.base)
        return max(min(self.asked or root(rows, self.times), rows // TRAINED_AT_LEAST), 1)

    def factory(self, dims: int) -> str:
        """The index as FAISS' factory has it."""
        return f"IVF{self.lists()},{self.codes}"

    def make(self, dims: int) -> Any:
        self.about = f"{self.factory(dims)}; nprobe swept"
        index = faiss.index_factory(dims, self.factory(dims), faiss.METRIC_INNER_PRODUCT)
        faiss.extract_index_ivf(index).cp.max_points_per_centroid = TRAINED
        return index

    def probes(self) -> list[int]:
        """Numbers of lists that are read."""
        return [count for count in PROBES if count <= self.lists()]

    def sweeps(self) -> list[Sweep]:
        return [Sweep(tuple({"nprobe": count} for count in self.probes()))]

    def apply(self, setting: Setting) -> None:
        faiss.extract_index_ivf(self.index).nprobe = setting["nprobe"]


class Codes(Lists):
    """Inverted lists of codes that are scanned in registers, the best measured again in float32.

    Codes are named as the factory has them; `{half}` and `{quarter}` stand for a part of the dimensions.
    """

    def __init__(self, name: str, times: int, codes: str, refinements: tuple[int, ...]) -> None:
        super().__init__(name, times)
        self.codes, self.refinements = codes, refinements

    def factory(self, dims: int) -> str:
        return f"IVF{self.lists()},{self.codes.format(half=dims // 2, quarter=dims // 4)},RFlat"

    def make(self, dims: int) -> Any:
        index = super().make(dims)
        self.about = f"{self.factory(dims)} (refined); nprobe and k_factor swept"
        return index

    def sweeps(self) -> list[Sweep]:
        return [
            Sweep(tuple({"nprobe": count, "k_factor": factor} for count in self.probes()))
            for factor in self.refinements
        ]

    def apply(self, setting: Setting) -> None:
        super().apply(setting)
        self.index.k_factor = float(np.float32(setting["k_factor"]))
