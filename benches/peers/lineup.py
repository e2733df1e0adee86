"""Who is measured beside whom, and in which works: a lineup for each access method."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from peers.engines.library import Library
from peers.engines.remote import Remote
from peers.postgres.index import Index, hnsw, pgvector_hnsw, pgvector_lists, vector_ext_lists

# In this order: changes come last, for they use the index up.
WORKS = ("memory", "build", "search", "clients", "filtered", "cold", "story", "grow", "change")
# These make the indexes that they need.
BUILDING = ("memory", "build")


@dataclass(frozen=True)
class Extension:
    """An extension with an index, which depends on the number of rows."""

    extension: str
    index: Callable[[int], Index]


@dataclass(frozen=True)
class Lineup:
    """Peers by name, servers first, which take turns next to each other."""

    method: str
    # What names of its results begin with.
    prefix: str
    servers: Mapping[str, Extension]
    libraries: Mapping[str, Callable[[], Library]]
    # Who has a part in a work.
    works: Mapping[str, tuple[str, ...]]
    # Works that generated sets get.
    generated: tuple[str, ...] = ("build", "search")

    @property
    def names(self) -> tuple[str, ...]:
        """All peers."""
        return (*self.servers, *self.libraries)

    @property
    def measured(self) -> tuple[str, ...]:
        """The works, in their order."""
        return tuple(work for work in WORKS if work in self.works)

    def needed(self, works: tuple[str, ...], peers: tuple[str, ...], dims: int) -> set[str]:
        """Of these peers, those that have a part in one of the works. Some codes want dimensions in pairs or fours."""
        wanted = {name for work in works for name in self.works[work] if name in peers}
        return wanted - {name for name, multiple in DIVIDED.items() if dims % multiple}

    def start(self, name: str) -> Remote:
        """A library, ready to be asked."""
        # Threads of FAISS that spin while they wait make its builds ten times as slow where anything else runs.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        return Remote(self.libraries[name])


def library(module: str, kind: str, *arguments: object) -> Library:
    """Imports a library where it will run, and nowhere else."""
    made: Library = getattr(__import__(f"peers.engines.{module}", fromlist=[kind]), kind)(*arguments)
    return made


def codes(name: str, times: int, text: str, *refinements: int) -> Callable[[], Library]:
    """FAISS' lists of codes."""
    return partial(library, "faiss", "Codes", name, times, text, refinements)


# Dimensions that a library's codes take together.
DIVIDED = {"faiss_ivfpqfs": 2, "faiss_ivfpqfs_4": 4}

GRAPH_SERVERS = {"vector_ext": Extension("vector_ext", hnsw), "pgvector": Extension("vector", pgvector_hnsw)}
GRAPH_LIBRARIES: dict[str, Callable[[], Library]] = {
    "faiss_flat": partial(library, "faiss", "Flat"),
    "faiss_hnsw": partial(library, "faiss", "Graph"),
    "faiss_ivf": partial(library, "faiss", "Lists", "faiss_ivf", 1),
    "faiss_ivfpqfs": codes("faiss_ivfpqfs", 1, "PQ{half}x4fs", 4, 16),
    "hnswlib": partial(library, "hnswlib", "Hnswlib"),
    "usearch_f32": partial(library, "usearch", "Usearch", "f32"),
    "usearch_f16": partial(library, "usearch", "Usearch", "f16"),
    "qdrant": partial(library, "qdrant", "Qdrant", False),
    "qdrant_int8": partial(library, "qdrant", "Qdrant", True),
}
GRAPH = Lineup(
    "hnsw",
    "peers",
    GRAPH_SERVERS,
    GRAPH_LIBRARIES,
    {
        "build": (*GRAPH_SERVERS, *GRAPH_LIBRARIES),
        "search": (*GRAPH_SERVERS, *GRAPH_LIBRARIES),
        "clients": (*GRAPH_SERVERS,),
        "filtered": (*GRAPH_SERVERS, "qdrant", "qdrant_int8"),
        "cold": (*GRAPH_SERVERS,),
        "story": (*GRAPH_SERVERS, "faiss_flat", "qdrant", "qdrant_int8"),
        "change": (*GRAPH_SERVERS,),
    },
)

# Lists as many as vector_ext chooses, as the root of the rows, and twice as many; its graph for reference.
LISTS_SERVERS = {
    "vector_ext": Extension("vector_ext", partial(vector_ext_lists, 0)),
    "pgvector_2sqrt": Extension("vector", partial(pgvector_lists, 2)),
    "vector_ext_2sqrt": Extension("vector_ext", partial(vector_ext_lists, 2)),
    "pgvector_sqrt": Extension("vector", partial(pgvector_lists, 1)),
    "vector_ext_sqrt": Extension("vector_ext", partial(vector_ext_lists, 1)),
    "vector_ext_hnsw": Extension("vector_ext", hnsw),
}
LISTS_LIBRARIES: dict[str, Callable[[], Library]] = {
    "faiss_ivf": partial(library, "faiss", "Lists", "faiss_ivf", 2),
    "faiss_ivfpqfs": codes("faiss_ivfpqfs", 2, "PQ{half}x4fs", 4, 16),
    "faiss_ivfpqfs_4": codes("faiss_ivfpqfs_4", 2, "PQ{quarter}x4fs", 4, 16, 64),
    "faiss_ivfrabitqfs": codes("faiss_ivfrabitqfs", 2, "RaBitQfs", 4, 16, 64),
}
# One of each: lists of vector_ext, its graph, lists of pgvector.
ONE_EACH = ("vector_ext", "pgvector_2sqrt", "vector_ext_hnsw")
LISTS = Lineup(
    "ivfflat",
    "lists",
    LISTS_SERVERS,
    LISTS_LIBRARIES,
    {
        "memory": ("vector_ext", "pgvector_2sqrt", "faiss_ivf", "faiss_ivfrabitqfs"),
        "build": (*LISTS_SERVERS, *LISTS_LIBRARIES),
        "search": (*LISTS_SERVERS, *LISTS_LIBRARIES),
        "clients": ONE_EACH,
        "filtered": ONE_EACH,
        "cold": ONE_EACH,
        "grow": ("vector_ext", "pgvector_2sqrt"),
        "change": ONE_EACH,
    },
)

LINEUPS = {lineup.method: lineup for lineup in (GRAPH, LISTS)}
