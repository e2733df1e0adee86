"""Qdrant's engine in process, with and without int8 codes."""

import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from peers.engines.base import BUILD_WIDTH, DEGREE, Search, Setting
from peers.engines.library import Library, Ready
from peers.filters import COLUMNS, Predicate
from peers.truth import Floats

# Points of one call.
BATCH = 1000
# Qdrant's own defaults: from which size (kB) on a filtered search uses the graph, and of int8 codes.
FULL_SCAN_KB = 10_000
QUANTILE = 0.99


class Qdrant(Library):
    """One shard with everything in memory, one segment after optimizing, an index on each column."""

    version = version("qdrant-edge-py")
    maps_files = True

    def __init__(self, codes: bool) -> None:
        super().__init__()
        self.codes = codes
        self.name = "qdrant_int8" if codes else "qdrant"
        stored = "float32 with int8 codes in memory, rescored" if codes else "float32"
        self.about = f"m={DEGREE}, ef_construct={BUILD_WIDTH}, {stored}; integer indexes on the filter columns"
        self.folder: Path | None = None

    def config(self, threads: int) -> edge.EdgeConfig:
        """Graph parameters as all have them; what else is left is Qdrant's default."""
        codes = edge.ScalarQuantizationConfig(edge.ScalarType.Int8, quantile=QUANTILE, memory=edge.Memory.Pinned)
        return edge.EdgeConfig(
            vectors=edge.EdgeVectorParams(
                size=self.base.shape[1],
                distance=edge.Distance.Cosine,
                memory=edge.Memory.Cached,
                quantization_config=codes if self.codes else None,
            ),
            hnsw_config=edge.HnswIndexConfig(
                m=DEGREE,
                ef_construct=BUILD_WIDTH,
                full_scan_threshold=FULL_SCAN_KB,
                max_indexing_threads=threads,
                memory=edge.Memory.Cached,
            ),
            optimizers=edge.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=1),
            max_search_threads=1,
        )

    def fill(self, threads: int) -> None:
        self.close()
        self.folder = Path(tempfile.mkdtemp(prefix="bench-qdrant-"))
        self.index = edge.EdgeShard.create(str(self.folder), self.config(threads))
        for column in COLUMNS:
            self.index.update(edge.UpdateOperation.create_field_index(column, edge.PayloadSchemaType.Integer))
        for start in range(0, len(self.base), BATCH):
            rows = range(start, min(start + BATCH, len(self.base)))
            points = [edge.Point(row, self.base[row], self.payload(row)) for row in rows]
            self.index.update(edge.UpdateOperation.upsert_points(points))
        self.index.optimize()
        self.index.flush()
        info = self.index.info()
        if info.indexed_vectors_count < len(self.base):
            raise RuntimeError(f"{self.name} indexed {info.indexed_vectors_count} of {len(self.base)} rows")

    def payload(self, row: int) -> dict[str, int]:
        """The filter columns of a row."""
        return {column: int(self.columns[column][row]) for column in COLUMNS}

    def apply(self, setting: Setting) -> None:
        width = int(setting["ef"]) if "ef" in setting else None
        acorn = edge.AcornSearchParams(enable=True) if setting.get("acorn") else None
        self.params = edge.SearchParams(hnsw_ef=width, acorn=acorn)

    def prepare(self, question: Floats, search: Search) -> Ready:
        request = edge.SearchRequest(
            edge.Query.Nearest(question[0]), search.k, filter=condition(search.where), params=self.params
        )
        index = self.index
        return lambda: index.search(request)

    def ids(self, answer: Any) -> list[int]:
        return [int(point.id) for point in answer]

    def stored_bytes(self) -> int:
        if self.folder is None:
            return 0
        # Its log is reserved in full ahead, so it says nothing of the index.
        files = (path for path in (self.folder / "segments").rglob("*") if path.is_file())
        return sum(path.stat().st_blocks * 512 for path in files)

    def clear(self) -> None:
        self.close()
        super().clear()

    def close(self) -> None:
        """Frees the shard and its files."""
        if self.index is not None:
            self.index.close()
            self.index = None
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None


def condition(where: Predicate) -> edge.Filter | None:
    """A predicate as Qdrant takes it."""
    if not where:
        return None
    return edge.Filter(must=[edge.FieldCondition(part.column, range=edge.RangeFloat(lt=part.bound)) for part in where])
