"""FAISS: exact search, its graph, its inverted lists with and without 4-bit codes."""

import math
from typing import Any

import faiss as bindings
import numpy as np

from peers.engines.base import BUILD_WIDTH, DEGREE, Search, Setting
from peers.engines.library import Library, Ready
from peers.truth import Floats

# Its stubs lack much of what it has.
faiss: Any = bindings

PROBES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
REFINEMENTS = (4, 16)
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

    def ladder(self) -> list[Setting]:
        return [{}]

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
    """Inverted lists of float32 rows, as many as the root of the rows."""

    name = "faiss_ivf"

    def lists(self) -> int:
        """How many, for the rows at hand."""
        rows = len(self.base)
        return max(min(round(math.sqrt(rows)), rows // TRAINED_AT_LEAST), 1)

    def make(self, dims: int) -> Any:
        self.about = f"IVF{self.lists()},Flat; nprobe swept"
        index = faiss.index_factory(dims, f"IVF{self.lists()},Flat", faiss.METRIC_INNER_PRODUCT)
        index.cp.max_points_per_centroid = TRAINED
        return index

    def ladder(self) -> list[Setting]:
        return [{"nprobe": count} for count in PROBES if count <= self.lists()]

    def apply(self, setting: Setting) -> None:
        self.index.nprobe = setting["nprobe"]


class FastScan(Lists):
    """Inverted lists of 4-bit codes scanned in registers, the best measured again in float32."""

    name = "faiss_ivfpqfs"

    def make(self, dims: int) -> Any:
        factory = f"IVF{self.lists()},PQ{dims // 2}x4fs,RFlat"
        self.about = f"{factory} (IndexIVFPQFastScan, refined); nprobe and k_factor swept"
        return faiss.index_factory(dims, factory, faiss.METRIC_INNER_PRODUCT)

    def ladder(self) -> list[Setting]:
        return [{**probes, "k_factor": factor} for factor in REFINEMENTS for probes in super(FastScan, self).ladder()]

    def apply(self, setting: Setting) -> None:
        faiss.downcast_index(self.index.base_index).nprobe = setting["nprobe"]
        self.index.k_factor = float(np.float32(setting["k_factor"]))
