"""The kinds of index that a server is measured with: how one is made, what can be set, what it is tried with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from peers.engines.base import BUILD_WIDTH, DEGREE, PROBES, WIDTHS, Setting, Sweep
from peers.lists import root

NO_LIMIT = 2**31 - 1
# Shares of the nearest rows that vector_ext is asked to find where it chooses the probes.
TARGETS = (0.9, 0.95, 0.99)
# Of a filtered search, and of a table that changes.
FILTERED_WIDTHS, CHECKED_WIDTHS = (40, 100, 400), (40, 160)
FILTERED_PROBES, CHECKED_PROBES = (10, 40, 160), (10, 40)

STRICT: Setting = {"iterative_scan": "strict_order"}
RELAXED: Setting = {"iterative_scan": "relaxed_order"}
OFF: Setting = {"iterative_scan": "off"}


@dataclass(frozen=True)
class Index:
    """An index on the column `embedding`."""

    # Settings of its searches have this before their names.
    method: str
    options: Mapping[str, int]
    # The setting that says how far a search goes, with its values behind filters and where rows have changed.
    width: str
    filtered_widths: tuple[int, ...]
    checked_widths: tuple[int, ...]
    sweeps: tuple[Sweep, ...]
    # Ways to search behind a filter, by name.
    filtered: Mapping[str, Setting]

    @property
    def about(self) -> str:
        """In words."""
        named = ", ".join(f"{name} = {value}" for name, value in self.options.items())
        return f"{self.method}, {named or 'no options'}"

    def with_lists(self, lists: int) -> "Index":
        """With another number of lists."""
        return replace(self, options={**self.options, "lists": lists})

    def create(self, table: str) -> str:
        """The statement that makes it."""
        named = ", ".join(f"{name} = {value}" for name, value in self.options.items())
        having = f" WITH ({named})" if named else ""
        return f"CREATE INDEX {name_of(table)} ON {table} USING {self.method} (embedding vector_cosine_ops){having}"

    def session(self, setting: Setting) -> Setting:
        """Settings as a session takes them."""
        return {f"{self.method}.{name}": value for name, value in setting.items()}


def name_of(table: str) -> str:
    """What the index of a table is called."""
    return f"{table}_embedding"


def hnsw(_rows: int) -> Index:
    """The graph, the same on both sides; ways behind filters are each side's own."""
    return Index(
        "hnsw",
        {"m": DEGREE, "ef_construction": BUILD_WIDTH},
        "ef_search",
        FILTERED_WIDTHS,
        CHECKED_WIDTHS,
        (Sweep(tuple({"ef_search": width, **OFF} for width in WIDTHS)),),
        {"strict (its default)": STRICT, "relaxed": RELAXED},
    )


def pgvector_hnsw(rows: int) -> Index:
    """With pgvector's ways behind filters."""
    no_limit: Setting = {**RELAXED, "max_scan_tuples": NO_LIMIT, "scan_mem_multiplier": 8}
    ways = {"off (its default)": OFF, "strict": STRICT, "relaxed": RELAXED, "relaxed, no limit": no_limit}
    return replace(hnsw(rows), filtered=ways)


def pgvector_lists(times: int, rows: int) -> Index:
    """pgvector's lists, so many times the root of the rows."""
    return Index(
        "ivfflat",
        {"lists": root(rows, times)},
        "probes",
        FILTERED_PROBES,
        CHECKED_PROBES,
        (probes(),),
        {"off (its default)": OFF, "relaxed": RELAXED},
    )


def vector_ext_lists(times: int, rows: int) -> Index:
    """vector_ext's lists, so many times the root of the rows; 0 for as many as it chooses."""
    targets = Sweep(tuple({"probes": 0, "target_recall": target, **OFF} for target in TARGETS), "target_recall")
    return replace(
        pgvector_lists(times, rows),
        options={"lists": root(rows, times)} if times else {},
        filtered_widths=(0, *FILTERED_PROBES[1:]),
        checked_widths=(0, *CHECKED_PROBES),
        sweeps=(probes(), targets),
        filtered={"strict (its default)": STRICT, "relaxed": RELAXED},
    )


def probes() -> Sweep:
    """By the number of lists that are read."""
    return Sweep(tuple({"probes": count, **OFF} for count in PROBES))
