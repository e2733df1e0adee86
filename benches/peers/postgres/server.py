"""One extension with one index on a cluster of its own, as a peer."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from peers.engines.base import Built, Search, Setting, Sweep, Timed
from peers.filters import COLUMNS, Predicate
from peers.machine import cores
from peers.postgres import pgbench
from peers.postgres.cluster import Cluster, sql
from peers.postgres.copying import binary_rows
from peers.postgres.index import Index, name_of
from peers.postgres.installation import Installation
from peers.truth import Floats
from peers.watch import Sample, Watcher, process_sample, shared_segments

INDEX = name_of("items")
# Bytes of a vector that fit a page beside the other columns.
INLINE = 8000
COLUMN_LIST = ", ".join(("id", "n", *COLUMNS, "embedding"))
# The build's session and what works for it: nothing else but the watcher is connected.
PROCESSES = """
    SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()
    AND (backend_type = 'client backend' OR backend_type LIKE '%worker%')"""


def server_settings(bytes_of_vectors: int, memory: int, servers: int) -> dict[str, str]:
    """`postgresql.conf`, the same for all: everything in shared buffers, a build in memory."""
    # Table, index and what builds leave behind, of all servers, within two fifths of the memory of the machine.
    buffers = min(max(8 * bytes_of_vectors, 1 << 28), 2 * memory // (5 * max(servers, 2)))
    working = min(max(4 * bytes_of_vectors, 1 << 28), memory // 8)
    return {
        "shared_buffers": f"{buffers >> 20}MB",
        "maintenance_work_mem": f"{working >> 20}MB",
        "max_parallel_maintenance_workers": str(cores() - 1),
        "max_parallel_workers": str(cores()),
        "min_parallel_table_scan_size": "0",
        "max_parallel_workers_per_gather": "0",
        "synchronous_commit": "off",
        "max_wal_size": "32GB",
        "checkpoint_timeout": "1h",
        "autovacuum": "off",
        "jit": "off",
    }


class Server:
    """A server with one of the two extensions, whose index is of one kind."""

    def __init__(
        self, name: str, extension: str, index: Index, installation: Installation, settings: Mapping[str, str]
    ) -> None:
        self.name = name
        self.about = f"{index.about}; {installation.version}"
        self.extension, self.index = extension, index
        self.questions = self.dims = 0
        self.cluster = Cluster(installation, name, settings)
        try:
            self.session = self.cluster.connect()
            self.session.execute(sql(f"CREATE EXTENSION {extension}"))
            self.version = str(self.value("SELECT extversion FROM pg_extension WHERE extname = %s", extension))
        except psycopg.Error:
            self.cluster.close()
            raise

    def value(self, statement: str, *parameters: object) -> Any:
        """The one value that a statement gives."""
        row = self.session.execute(sql(statement), parameters or None).fetchone()
        if row is None:
            raise RuntimeError(f"no row: {statement}")
        return row[0]

    def execute(self, statement: str) -> psycopg.Cursor[tuple[Any, ...]]:
        """A statement of this program's making."""
        return self.session.execute(sql(statement))

    @contextmanager
    def without_page_images(self) -> Iterator[None]:
        """Meanwhile the log holds what changes alone, so that it does not hang on when a checkpoint was."""
        for statement in ("ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()"):
            self.execute(statement)
        try:
            yield
        finally:
            for statement in ("ALTER SYSTEM RESET full_page_writes", "SELECT pg_reload_conf()"):
                self.execute(statement)

    def restart(self, **changes: str) -> None:
        """Starts the server anew, with some settings changed."""
        self.session.close()
        self.cluster.restart(**changes)
        self.session = self.cluster.connect()

    def load(self, folder: Path) -> None:
        """Fills the tables of rows and of questions, and brings them into shared buffers."""
        base, questions = np.load(folder / "base.npy"), np.load(folder / "questions.npy")
        self.dims = int(base.shape[1])
        with np.load(folder / "columns.npz") as columns:
            integers = {name: columns[name] for name in COLUMNS}
        self.session.execute("DROP TABLE IF EXISTS items, questions, fresh")
        self.make_table("items", self.dims)
        self.fill_table("items", integers, base)
        self.make_table("questions", self.dims)
        if 4 * self.dims < INLINE:
            # A client would send the vector: fetching it shall not cost reading it from another table.
            self.execute("ALTER TABLE questions ALTER embedding SET STORAGE PLAIN")
        self.fill_table("questions", {name: np.zeros(len(questions), np.int32) for name in COLUMNS}, questions)
        for column in COLUMNS:
            self.session.execute(sql(f"CREATE INDEX ON items ({column})"))
        self.session.execute("VACUUM ANALYZE")
        self.session.execute("CHECKPOINT")
        self.value("SELECT sum(vector_dims(embedding)) FROM items")
        self.questions = len(questions)

    def make_table(self, name: str, dims: int) -> None:
        """An empty table."""
        filters = ", ".join(f"{column} int4 NOT NULL" for column in COLUMNS)
        embedding = f"embedding vector({dims}) NOT NULL"
        self.execute(f"CREATE TABLE {name} (id int4 NOT NULL, n int4 NOT NULL, {filters}, {embedding})")

    def fill_table(self, name: str, integers: Mapping[str, NDArray[np.int32]], vectors: Floats, first: int = 0) -> None:
        """Rows whose ids begin at `first`."""
        ids = np.arange(first, first + len(vectors), dtype=np.int32)
        values = {"id": ids, "n": np.zeros_like(ids), **integers}
        with self.session.cursor().copy(sql(f"COPY {name} FROM STDIN (FORMAT BINARY)")) as copy:
            for block in binary_rows(values, vectors):
                copy.write(block)
        self.session.execute(sql(f"ALTER TABLE {name} ADD PRIMARY KEY (id)"))
        self.session.execute(sql(f"VACUUM ANALYZE {name}"))

    def build(self, threads: int) -> Built:
        """Its index, with the memory that the server's settings give."""
        return self.create(self.index, threads)

    def create(self, index: Index, threads: int, memory: str | None = None) -> Built:
        """CREATE INDEX, while its processes are watched; with a `maintenance_work_mem` of its own, if there is one."""
        self.session.execute(sql(f"DROP INDEX IF EXISTS {INDEX}"))
        self.session.execute("CHECKPOINT")
        with self.cluster.connect() as watcher, self.cluster.connect() as builder:
            builder.execute(sql(f"SET max_parallel_maintenance_workers = {threads - 1}"))
            if memory:
                builder.execute(sql(f"SET maintenance_work_mem = '{memory}'"))
            builder.execute(sql(f"LOAD '{self.extension}'"))

            def look() -> Sample:
                processes = [row[0] for row in watcher.execute(PROCESSES) if row[0] != own]
                sample = process_sample(processes)
                return Sample(sample.resident + shared_segments(processes), sample.cpu)

            own, position = self.session.info.backend_pid, self.position()
            with Watcher(look) as watched:
                began = time.perf_counter()
                builder.execute(sql(index.create("items")))
                seconds = time.perf_counter() - began
        return Built(
            seconds,
            threads,
            watched.peak,
            self.index_bytes("items"),
            watched.cpu_seconds / seconds,
            self.written_since(position),
        )

    def index_bytes(self, table: str) -> int:
        """The size of a table's index."""
        return int(self.value("SELECT pg_relation_size(%s::regclass)", name_of(table)))

    def position(self) -> str:
        """Where the write-ahead log is."""
        return str(self.value("SELECT pg_current_wal_insert_lsn()"))

    def written_since(self, position: str) -> int:
        """Bytes of write-ahead log since a position."""
        return int(self.value("SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", position))

    def sweeps(self) -> list[Sweep]:
        """Widths of a search that nothing filters, with no scan that goes on: as both extensions can."""
        return [*self.index.sweeps]

    def statement(self, search: Search, question: str) -> str:
        """The search for a question, named by a placeholder."""
        return (
            f"SELECT id FROM {search.table}{condition(search.where)} ORDER BY embedding <=> "
            f"(SELECT embedding FROM questions WHERE id = {question}) LIMIT {search.k}"
        )

    @contextmanager
    def settings(self, setting: Setting, search: Search) -> Iterator[None]:
        """Sets them in the session; afterwards they are as they were."""
        named = self.options(setting, search)
        for name, value in named.items():
            self.session.execute(sql(f"SET {name} = {value}"))
        try:
            yield
        finally:
            for name in named:
                self.session.execute(sql(f"RESET {name}"))

    def find(self, setting: Setting, search: Search) -> list[list[int]]:
        """The rows found; by the statement that is timed."""
        statement = self.statement(search, "%s")
        with self.settings(setting, search):
            return [
                [row[0] for row in self.session.execute(sql(statement), (question,))] for question in search.questions
            ]

    def time(self, setting: Setting, search: Search, seconds: float) -> Timed:
        """With one client. Behind a filter the first second does not count: vector_ext learns where rows are."""
        warm = 1 if search.where else 0
        effort = pgbench.Effort(1, seconds=max(round(seconds), 1), warm=warm)
        return self.time_clients(setting, search, effort)

    def time_clients(self, setting: Setting, search: Search, effort: pgbench.Effort) -> Timed:
        """With as many clients as asked for: questions at random, the same ones of each server."""
        script = pgbench.Script(asking(search.questions) + self.statement(search, ":question") + ";\n", {})
        return pgbench.run(self.cluster, script, self.options(setting, search), effort)

    def time_statement(self, statement: str, effort: pgbench.Effort) -> Timed:
        """Any statement; `:question` in it is a question's number."""
        script = pgbench.Script(asking(tuple(range(self.questions))) + statement + ";\n", {})
        return pgbench.run(self.cluster, script, {}, effort)

    def options(self, setting: Setting, search: Search) -> Setting:
        """Settings of a session. Behind a filter the planner is free; without one it takes the index, however
        small the table."""
        named = self.index.session(setting)
        return named if search.where else {"enable_seqscan": "off", "enable_sort": "off", **named}

    def plan(self, setting: Setting, search: Search) -> str:
        """How the search is planned: by the index, by a b-tree and a sort, or through the whole table."""
        with self.settings(setting, search):
            [explained] = self.value(f"EXPLAIN (FORMAT JSON) {self.statement(search, '0')}")
        nodes = list(nodes_of(explained["Plan"]))
        if name_of(search.table) in (node.get("Index Name") for node in nodes):
            return self.index.method
        return "b-tree" if any("Index Name" in node for node in nodes) else "table"

    def close(self) -> None:
        """Ends the server."""
        self.session.close()
        self.cluster.close()


def condition(where: Predicate) -> str:
    """A predicate as SQL; bounds are literals, so that the planner knows how much they let pass."""
    return " WHERE " + " AND ".join(f"{part.column} < {part.bound}" for part in where) if where else ""


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes, without those that fetch the question."""
    if plan.get("Parent Relationship") == "InitPlan":
        return
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes_of(inner)


def asking(questions: tuple[int, ...]) -> str:
    """Chooses a question at random: any of a range, or of those listed."""
    if questions == tuple(range(len(questions))):
        return f"\\set question random(0, {len(questions) - 1})\n"
    lines = [f"\\set place random(0, {len(questions) - 1})", "\\set question -1"]
    chosen = " ".join(f"when :place = {place} then {question}" for place, question in enumerate(questions))
    return "\n".join([lines[0], f"\\set question case {chosen} end", ""])
