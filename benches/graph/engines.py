"""The engines of the benchmark: libraries driven from here, and ours, a program that speaks JSON lines."""

import json
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import faiss
import hnswlib
import numpy as np
from numpy.typing import NDArray
from usearch.index import Index as UsearchIndex

K = 10
DEGREE = 16
BUILD_WIDTH = 64
WIDTHS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896, 1280)
PROBES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
REFINEMENTS = (3, 6, 12, 25)

Setting = dict[str, int]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Work:
    """What is indexed, what is searched for, and the right answers."""

    name: str
    base: Floats
    queries: Floats
    truth: NDArray[np.int32]
    metric: str
    unit: bool

    def recall(self, found: NDArray[Any]) -> float:
        """The share of the true nearest K that was found."""
        hits = found[:, :, None].astype(np.int64) == self.truth[:, None, :]
        return float(hits.sum()) / self.truth.size


@dataclass(frozen=True)
class Point:
    """One measurement at one setting."""

    setting: Setting
    recall: float
    queries: int
    seconds: float
    extra: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Queries a second."""
        return self.queries / self.seconds


@dataclass(frozen=True)
class Built:
    """How an index was built."""

    threads: int
    seconds: float
    bytes_per_row: float | None
    # How many cores were busy with it, where that is known: fewer than threads on a machine that others use.
    cores: float | None = None


class Engine(Protocol):
    """What the rounds ask of an engine."""

    name: str
    about: str

    def ladders(self) -> list[list[Setting]]:
        """Settings to sweep; on each ladder recall rises."""

    def build(self, work: Work, threads: int | None) -> Built:
        """Builds the index; None leaves the number of threads to the engine."""

    def measure(self, work: Work, setting: Setting, seconds: float) -> Point:
        """Searches for all queries on one thread, again and again for at least `seconds`."""

    def close(self) -> None:
        """Frees the index."""


class Peer:
    """A library called from Python: one call with all queries, so that none pays for Python."""

    name = ""
    about = ""
    index: Any = None

    def __init__(self, query_by_query: bool = False) -> None:
        self.query_by_query = query_by_query

    def ladders(self) -> list[list[Setting]]:
        """One ladder of search widths, as all graphs have."""
        return [[{"ef": width} for width in WIDTHS]]

    def build(self, work: Work, threads: int | None) -> Built:
        """Builds with the threads asked for, and leaves the engine ready to search on one."""
        threads = threads or 1
        faiss.omp_set_num_threads(threads)
        started, cpu_started = time.perf_counter(), time.process_time()
        self.fill(work, threads)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
        faiss.omp_set_num_threads(1)
        return Built(threads, seconds, self.stored_bytes() / len(work.base), cpu / seconds)

    def measure(self, work: Work, setting: Setting, seconds: float) -> Point:
        """Times calls with all queries; `cores` tells whether it was really one thread."""
        self.apply(setting)
        started, cpu_started, passes = time.perf_counter(), time.process_time(), 0
        while passes == 0 or time.perf_counter() - started < seconds:
            found = self.answer(work.queries)
            passes += 1
        taken, cpu = time.perf_counter() - started, time.process_time() - cpu_started
        return Point(setting, work.recall(found), passes * len(work.queries), taken, {"cores": cpu / taken})

    def answer(self, queries: Floats) -> NDArray[Any]:
        """The ids found for all queries, by one call or by one for each."""
        if not self.query_by_query:
            return self.search(queries)
        return np.vstack([self.search(queries[row : row + 1]) for row in range(len(queries))])

    def close(self) -> None:
        """Frees the index."""
        self.index = None

    def fill(self, work: Work, threads: int) -> None:
        """Makes the index of all rows."""
        raise NotImplementedError

    def apply(self, setting: Setting) -> None:
        """Sets what the next searches use."""
        raise NotImplementedError

    def search(self, queries: Floats) -> NDArray[Any]:
        """The ids of the nearest K of each query, on one thread."""
        raise NotImplementedError

    def stored_bytes(self) -> int:
        """The size of the index as the library would write it to a file."""
        raise NotImplementedError


class Hnswlib(Peer):
    """hnswlib, float32."""

    name = "hnswlib"
    about = f"M={DEGREE}, ef_construction={BUILD_WIDTH}, float32"

    def fill(self, work: Work, threads: int) -> None:
        self.index = hnswlib.Index(work.metric, work.base.shape[1])
        self.index.init_index(len(work.base), M=DEGREE, ef_construction=BUILD_WIDTH, random_seed=1)
        self.index.add_items(work.base, num_threads=threads)

    def apply(self, setting: Setting) -> None:
        self.index.set_ef(setting["ef"])

    def search(self, queries: Floats) -> NDArray[Any]:
        return self.index.knn_query(queries, K, num_threads=1)[0]

    def stored_bytes(self) -> int:
        return int(self.index.index_file_size())


class Faiss(Peer):
    """What the indexes of FAISS share."""

    def search(self, queries: Floats) -> NDArray[Any]:
        return self.index.search(queries, K)[1]

    def stored_bytes(self) -> int:
        sizes: list[int] = []
        faiss.write_index(self.index, faiss.PyCallbackIOWriter(lambda block: sizes.append(len(block))))
        return sum(sizes)

    @staticmethod
    def metric(work: Work) -> int:
        """FAISS' number for the metric."""
        return faiss.METRIC_L2 if work.metric == "l2" else faiss.METRIC_INNER_PRODUCT


class FaissHnsw(Faiss):
    """FAISS' graph over plain float32."""

    name = "faiss_hnsw"
    about = f"IndexHNSWFlat, M={DEGREE}, efConstruction={BUILD_WIDTH}, float32"

    def fill(self, work: Work, threads: int) -> None:
        self.index = faiss.IndexHNSWFlat(work.base.shape[1], DEGREE, self.metric(work))
        self.index.hnsw.efConstruction = BUILD_WIDTH
        self.index.add(work.base)

    def apply(self, setting: Setting) -> None:
        self.index.hnsw.efSearch = setting["ef"]


class FaissIvf(Faiss):
    """FAISS' inverted lists: 4-bit codes scanned in registers, then float32 rows in order."""

    name = "faiss_ivf"
    lists = 0

    def ladders(self) -> list[list[Setting]]:
        probes = [count for count in PROBES if count <= self.lists]
        return [[{"nprobe": count, "k_factor": factor} for count in probes] for factor in REFINEMENTS]

    def fill(self, work: Work, threads: int) -> None:
        rows, dims = work.base.shape
        self.lists = round(rows**0.5)
        factory = f"IVF{self.lists},PQ{dims // 2}x4fs,RFlat"
        self.about = f"{factory}; nprobe and k_factor swept"
        self.index = faiss.index_factory(dims, factory, self.metric(work))
        self.index.train(work.base)
        self.index.add(work.base)

    def apply(self, setting: Setting) -> None:
        faiss.downcast_index(self.index.base_index).nprobe = setting["nprobe"]
        self.index.k_factor = setting["k_factor"]


class Usearch(Peer):
    """usearch, with elements of one kind."""

    def __init__(self, kind: str, query_by_query: bool = False) -> None:
        super().__init__(query_by_query)
        self.kind = kind
        self.name = f"usearch_{kind}"
        self.about = f"connectivity={DEGREE}, expansion_add={BUILD_WIDTH}, {kind}"

    def fill(self, work: Work, threads: int) -> None:
        metric = {"l2": "l2sq", "ip": "ip"}[work.metric]
        self.index = UsearchIndex(
            ndim=work.base.shape[1],
            # Its i8 scales each vector by its length, which only cosine forgives.
            metric="cos" if self.kind == "i8" else metric,
            dtype=self.kind,
            connectivity=DEGREE,
            expansion_add=BUILD_WIDTH,
        )
        self.index.add(np.arange(len(work.base)), work.base, threads=threads)

    def apply(self, setting: Setting) -> None:
        self.index.expansion_search = setting["ef"]

    def search(self, queries: Floats) -> NDArray[Any]:
        return self.index.search(queries, K, threads=1).keys

    def stored_bytes(self) -> int:
        return int(self.index.serialized_length)


class Ours:
    """A program that builds at its start and answers `search EF` lines with JSON lines."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self.command = list(command)
        self.environment = environment
        self.name = "vector_ext"
        self.about = ""
        self.program: subprocess.Popen[str] | None = None

    def ladders(self) -> list[list[Setting]]:
        """The widths that the other graphs get."""
        return [[{"ef": width} for width in WIDTHS]]

    def build(self, work: Work, threads: int | None) -> Built:
        """Starts the program, and waits until it says that it has built."""
        asked = [] if threads is None else ["--threads", str(threads)]
        self.program = subprocess.Popen(
            [*self.command, *asked],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment,
        )
        event = self.receive()
        shape = (event["rows"], event["dims"])
        if event.get("event") != "built" or shape != work.base.shape:
            raise RuntimeError(f"expected an index of {work.base.shape}, got {event}")
        self.name = event["engine"]
        known = ("engine", "event", "rows", "dims", "threads", "build_seconds", "bytes_per_row")
        self.about = ", ".join(f"{key}={value}" for key, value in event.items() if key not in known)
        return Built(event["threads"], event["build_seconds"], event.get("bytes_per_row"))

    def measure(self, work: Work, setting: Setting, seconds: float) -> Point:
        """Asks for searches until they took long enough together."""
        answers = [self.ask(setting["ef"])]
        while sum(answer["seconds"] for answer in answers) < seconds:
            answers.append(self.ask(setting["ef"]))
        known = ("ef", "recall", "seconds", "queries")
        last = answers[-1]
        return Point(
            setting,
            last["recall"],
            sum(answer["queries"] for answer in answers),
            sum(answer["seconds"] for answer in answers),
            {key: value for key, value in last.items() if key not in known},
        )

    def close(self) -> None:
        """Lets the program end: its input does."""
        if self.program and self.program.stdin:
            self.program.stdin.close()
            try:
                self.program.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.program.kill()
        self.program = None

    def ask(self, width: int) -> dict[str, Any]:
        """One pass over all queries."""
        assert self.program and self.program.stdin
        self.program.stdin.write(f"search {width}\n")
        self.program.stdin.flush()
        return self.receive()

    def receive(self) -> dict[str, Any]:
        """The next JSON line; others, as cargo may print, are passed over."""
        assert self.program and self.program.stdout
        for line in self.program.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"the program ended with status {self.program.wait()}: {' '.join(self.command)}")


PEERS: dict[str, Callable[[bool], Peer]] = {
    "hnswlib": Hnswlib,
    "faiss_hnsw": FaissHnsw,
    "faiss_ivf": FaissIvf,
    "usearch_f32": lambda single: Usearch("f32", single),
    "usearch_f16": lambda single: Usearch("f16", single),
    "usearch_i8": lambda single: Usearch("i8", single),
}


def make_peers(names: Iterable[str], work: Work, query_by_query: bool) -> list[Peer]:
    """The libraries asked for, without those that the vectors do not suit."""
    unsuitable = set()
    if not work.unit:
        unsuitable.add("usearch_i8")
    if work.base.shape[1] % 2:
        unsuitable.add("faiss_ivf")
    return [PEERS[name](query_by_query) for name in names if name not in unsuitable]
