"""hnswlib, float32."""

from importlib.metadata import version
from typing import Any

import hnswlib

from peers.engines.base import BUILD_WIDTH, DEGREE, Search, Setting
from peers.engines.library import Library, Ready
from peers.truth import Floats


class Hnswlib(Library):
    """Inner product, as FAISS and usearch: the rows have length 1."""

    name = "hnswlib"
    about = f"M={DEGREE}, ef_construction={BUILD_WIDTH}, float32"
    version = version("hnswlib")

    def fill(self, threads: int) -> None:
        self.index = hnswlib.Index("ip", self.base.shape[1])
        self.index.init_index(len(self.base), M=DEGREE, ef_construction=BUILD_WIDTH, random_seed=1)
        self.index.add_items(self.base, num_threads=threads)

    def apply(self, setting: Setting) -> None:
        self.index.set_ef(setting["ef"])

    def prepare(self, question: Floats, search: Search) -> Ready:
        index, k = self.index, search.k
        return lambda: index.knn_query(question, k, num_threads=1)

    def ids(self, answer: Any) -> list[int]:
        return [int(row) for row in answer[0][0]]

    def stored_bytes(self) -> int:
        return int(self.index.index_file_size())
