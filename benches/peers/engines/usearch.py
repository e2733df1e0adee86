"""usearch, with elements of one kind."""

from importlib.metadata import version
from typing import Any

import numpy as np
from usearch.index import Index

from peers.engines.base import BUILD_WIDTH, DEGREE, Search, Setting
from peers.engines.library import Library, Ready
from peers.truth import Floats


class Usearch(Library):
    """Elements are stored as `kind`: f32 or f16."""

    version = version("usearch")

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.name = f"usearch_{kind}"
        self.about = f"connectivity={DEGREE}, expansion_add={BUILD_WIDTH}, {kind}"

    def fill(self, threads: int) -> None:
        dims = self.base.shape[1]
        self.index = Index(ndim=dims, metric="ip", dtype=self.kind, connectivity=DEGREE, expansion_add=BUILD_WIDTH)
        self.index.add(np.arange(len(self.base)), self.base, threads=threads)

    def apply(self, setting: Setting) -> None:
        self.index.expansion_search = setting["ef"]

    def prepare(self, question: Floats, search: Search) -> Ready:
        index, k, vector = self.index, search.k, question[0]
        return lambda: index.search(vector, k, threads=1)

    def ids(self, answer: Any) -> list[int]:
        return [int(row) for row in answer.keys]

    def stored_bytes(self) -> int:
        return int(self.index.serialized_length)
