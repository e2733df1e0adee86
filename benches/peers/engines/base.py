"""What the benchmark asks of a peer, the same of all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from peers.figures import percentile
from peers.filters import Predicate

# The same for every graph: links of a node (twice as many on the ground), candidates while building.
DEGREE = 16
BUILD_WIDTH = 64
WIDTHS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 1000)

# Lists that a search reads.
PROBES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)

Setting = dict[str, int | float | str]


@dataclass(frozen=True)
class Sweep:
    """Settings of a search, cheapest first. Those without a name are parts of one curve, one with a name is another."""

    settings: tuple[Setting, ...]
    name: str = ""

    def thinned(self, step: int) -> tuple[Setting, ...]:
        """Every n-th, of those that are long enough."""
        return self.settings[::step] if len(self.settings) > max(step, 3) else self.settings


@dataclass(frozen=True)
class Search:
    """What is searched for: the `k` nearest rows that pass a filter, of questions by number."""

    questions: tuple[int, ...]
    k: int
    where: Predicate = ()
    # Of a server.
    table: str = "items"


@dataclass(frozen=True)
class Timed:
    """One measurement of searches; latencies in milliseconds."""

    rate: float
    p50: float
    p95: float
    p99: float
    queries: int
    # Cores that the client itself was busy on, where it is a process of its own.
    client_cores: float | None = None

    @staticmethod
    def of(seconds: Sequence[float], elapsed: float, client_cores: float | None = None) -> "Timed":
        """Of single queries' seconds, which took `elapsed` together."""
        p50, p95, p99 = (percentile(seconds, percent) * 1e3 for percent in (50, 95, 99))
        return Timed(len(seconds) / elapsed, p50, p95, p99, len(seconds), client_cores)


@dataclass(frozen=True)
class Built:
    """How an index was built."""

    seconds: float
    threads: int
    # The most that was resident at once and was not there before; shared buffers do not count.
    peak_bytes: int
    # Of the index, with the vectors where they are stored in it.
    index_bytes: int
    cores_used: float
    # A server's log of the build.
    wal_bytes: int | None = None


class Peer(Protocol):
    """One engine with its settings."""

    name: str
    about: str
    version: str

    def load(self, folder: Path) -> None:
        """Takes the rows of a set, without an index."""

    def build(self, threads: int) -> Built:
        """Makes the index, in the place of one that is there."""

    def sweeps(self) -> list[Sweep]:
        """What its searches are tried with."""

    def find(self, setting: Setting, search: Search) -> list[list[int]]:
        """The rows found for each question."""

    def time(self, setting: Setting, search: Search, seconds: float) -> Timed:
        """Searches with one client, one query after another, for at least `seconds`."""

    def close(self) -> None:
        """Ends it and frees all."""
