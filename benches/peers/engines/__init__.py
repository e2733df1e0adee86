"""The peers, by name; the two servers come first and take turns next to each other."""

import os
from collections.abc import Callable
from functools import partial

from peers.engines.library import Library
from peers.engines.remote import Remote

SERVERS = {"vector_ext": "vector_ext", "pgvector": "vector"}


def library(module: str, kind: str, *arguments: object) -> Library:
    """Imports a library where it will run, and nowhere else."""
    made: Library = getattr(__import__(f"peers.engines.{module}", fromlist=[kind]), kind)(*arguments)
    return made


LIBRARIES: dict[str, Callable[[], Library]] = {
    "faiss_flat": partial(library, "faiss", "Flat"),
    "faiss_hnsw": partial(library, "faiss", "Graph"),
    "faiss_ivf": partial(library, "faiss", "Lists"),
    "faiss_ivfpqfs": partial(library, "faiss", "FastScan"),
    "hnswlib": partial(library, "hnswlib", "Hnswlib"),
    "usearch_f32": partial(library, "usearch", "Usearch", "f32"),
    "usearch_f16": partial(library, "usearch", "Usearch", "f16"),
    "qdrant": partial(library, "qdrant", "Qdrant", False),
    "qdrant_int8": partial(library, "qdrant", "Qdrant", True),
}
NAMES = (*SERVERS, *LIBRARIES)


def start(name: str) -> Remote:
    """A library, ready to be asked."""
    # Threads of FAISS that spin while they wait make its builds ten times as slow where anything else runs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return Remote(LIBRARIES[name])
