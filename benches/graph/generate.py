#!/usr/bin/env python3
"""Writes a clustered set of vectors for benchmarks, with held-out queries and their exact nearest rows.

The folder gets base.f16.npy and queries.f16.npy (float16) and truth.i32.npy, the 100 nearest rows of
each query by L2 of the float16 values taken as float32. The same arguments give the same vectors.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

NEIGHBOURS = 100
# FAISS rounds; this many more are taken from it and put in order by sums in float64.
SPARE = 28
BLOCK = 50_000

# The shape of the mixture. Everything but a little noise lies in the shared dimensions, the first of
# which count most. Centres lie around topics, clusters are about as wide as their centres are apart,
# and each is spread along directions of its own. Clusters that shared no directions would be islands
# which no graph joins: embeddings are not like that.
SHARED_DIMS = 48
SHARED_DECAY = 0.7
TOPICS = 40
TOPIC_SPREAD = 0.6
CENTRE_SPREAD = 0.5
CLUSTER_SPREAD = 1.0
CLUSTER_DIMS = (16, 32)
CLUSTER_DECAY = 0.4
SIZE_EXPONENT = 0.9
NOISE = 0.5


@dataclass(frozen=True)
class Mixture:
    """Where the clusters lie, in which directions they may spread, and how likely each is."""

    axes: NDArray[np.float64]
    centres: NDArray[np.float32]
    weights: NDArray[np.float64]
    seed: int

    @staticmethod
    def draw(dims: int, clusters: int, seed: int) -> "Mixture":
        """Centres around topics, in the dimensions that all share; sizes by a power law."""
        rng = np.random.default_rng(seed)
        shared = min(SHARED_DIMS, dims)
        axes = directions(rng, shared, dims) * spectrum(shared, SHARED_DECAY)[:, None]
        topics = rng.standard_normal((TOPICS, shared)) * TOPIC_SPREAD
        centres = topics[rng.integers(TOPICS, size=clusters)]
        centres = centres + rng.standard_normal((clusters, shared)) * CENTRE_SPREAD
        mean = rng.standard_normal(dims) * 0.3 / np.sqrt(dims)
        weights = np.arange(1, clusters + 1, dtype=np.float64) ** -SIZE_EXPONENT
        return Mixture(axes, (centres @ axes + mean).astype(np.float32), weights / weights.sum(), seed)

    def members(self, cluster: int, count: int) -> NDArray[np.float32]:
        """`count` vectors of one cluster: its own directions, decaying, and a little noise in all."""
        rng = np.random.default_rng([self.seed, cluster])
        shared, dims = self.axes.shape
        inner = min(int(rng.integers(CLUSTER_DIMS[0], CLUSTER_DIMS[1] + 1)), shared)
        axes = (directions(rng, inner, shared) * spectrum(inner, CLUSTER_DECAY)[:, None]) @ self.axes
        axes *= CLUSTER_SPREAD * rng.uniform(0.8, 1.2) / np.linalg.norm(axes)
        rows = rng.standard_normal((count, inner), dtype=np.float32) @ axes.astype(np.float32)
        rows += rng.standard_normal((count, dims), dtype=np.float32) * np.float32(NOISE / np.sqrt(dims))
        return np.asarray(rows + self.centres[cluster])


def spectrum(count: int, decay: float) -> NDArray[np.float64]:
    """Standard deviations that fall as i^-decay, of total variance 1."""
    deviations = np.arange(1, count + 1, dtype=np.float64) ** -decay
    return np.asarray(deviations / np.linalg.norm(deviations))


def directions(rng: np.random.Generator, count: int, dims: int) -> NDArray[np.float64]:
    """`count` orthonormal rows."""
    return np.asarray(np.linalg.qr(rng.standard_normal((dims, count)))[0].T)


def write_vectors(mixture: Mixture, rows: int, queries: int, unit: bool, folder: Path) -> None:
    """Draws all vectors, cluster by cluster, each to a random place of base or queries."""
    rng = np.random.default_rng([mixture.seed, 2**32])
    dims = mixture.centres.shape[1]
    base = open_memmap(folder / "base.f16.npy", "w+", np.float16, (rows, dims), version=(1, 0))
    held_out = open_memmap(folder / "queries.f16.npy", "w+", np.float16, (queries, dims), version=(1, 0))
    cluster_of = rng.choice(len(mixture.weights), size=rows + queries, p=mixture.weights)
    for cluster in np.unique(cluster_of):
        places = np.flatnonzero(cluster_of == cluster)
        vectors = mixture.members(int(cluster), len(places))
        if unit:
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        in_base = places < rows
        base[places[in_base]] = vectors[in_base]
        held_out[places[~in_base] - rows] = vectors[~in_base]
    base.flush()
    held_out.flush()


def nearest(base: NDArray[np.float16], queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """About the nearest `count` rows of each query, in no order: as FAISS rounds."""
    ids = np.empty((len(queries), 0), np.int64)
    distances = np.empty((len(queries), 0), np.float32)
    for start in range(0, len(base), BLOCK):
        block = np.ascontiguousarray(base[start : start + BLOCK], np.float32)
        found, rows = faiss.knn(queries, block, min(count, len(block)))
        ids = np.hstack([ids, rows + start])
        distances = np.hstack([distances, found])
        kept = np.argsort(distances, axis=1, kind="stable")[:, :count]
        ids, distances = np.take_along_axis(ids, kept, 1), np.take_along_axis(distances, kept, 1)
    return ids


def exact_truth(base: NDArray[np.float16], queries: NDArray[np.float16]) -> NDArray[np.int32]:
    """The nearest rows of each query, nearest first, equal ones by id."""
    count = min(NEIGHBOURS, len(base))
    candidates = nearest(base, queries.astype(np.float32), count + SPARE)
    truth = np.empty((len(queries), count), np.int32)
    for place, (query, ids) in enumerate(zip(queries.astype(np.float64), candidates)):
        distances = ((base[ids].astype(np.float64) - query) ** 2).sum(axis=1)
        truth[place] = ids[np.lexsort((ids, distances))][:count]
    return truth


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to write; made if missing")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=128)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--clusters", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unit", action="store_true", help="scale every vector to length 1")
    return parser.parse_args()


def main() -> None:
    """Writes the three files."""
    arguments = parse_arguments()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    mixture = Mixture.draw(arguments.dims, arguments.clusters, arguments.seed)
    write_vectors(mixture, arguments.rows, arguments.queries, arguments.unit, arguments.folder)
    base = np.load(arguments.folder / "base.f16.npy", mmap_mode="r")
    queries = np.load(arguments.folder / "queries.f16.npy")
    np.save(arguments.folder / "truth.i32.npy", exact_truth(base, queries))
    print(f"{arguments.folder}: {arguments.rows} rows of {arguments.dims}, {arguments.queries} queries")


if __name__ == "__main__":
    main()
