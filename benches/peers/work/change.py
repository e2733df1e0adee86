"""A table that changes: inserts, updates beside the vector, deleting a tenth, vacuum, recall afterwards."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from peers.data import unit
from peers.engines.base import Search, Setting, Timed
from peers.filters import BUCKETS, COLUMNS
from peers.postgres import pgbench
from peers.postgres.pgbench import Effort, Script
from peers.postgres.server import COLUMN_LIST, Server
from peers.truth import Floats, nearest
from peers.work.bench import Bench, K, turns

CLIENTS = (1, 4)
# Every so many-th row is deleted.
DELETED = 10
SEED = 7
# Each client its own rows of `fresh`, one after another.
INSERT = (
    "\\set number :number + 1\n\\set row :first + :client_id * :each + :number\n"
    f"INSERT INTO items ({COLUMN_LIST}) SELECT {COLUMN_LIST} FROM fresh "
    "WHERE id = :row;\n"
)
UPDATE = "\\set row random(0, :last)\nUPDATE items SET n = n + 1 WHERE id = :row;\n"


@dataclass
class Changed:
    """A server before, while and after its rows change."""

    server: str
    # By number of clients, round by round.
    inserted: dict[int, list[Timed]] = field(default_factory=dict)
    inserted_wal: list[float] = field(default_factory=list)
    updated: dict[int, list[Timed]] = field(default_factory=dict)
    rows_deleted: int = 0
    delete_seconds: float = 0.0
    vacuum_seconds: float = 0.0
    vacuum_wal: int = 0
    index_bytes_before: int = 0
    index_bytes_after: int = 0
    # Rows that are there after the changes.
    rows_left: int = 0
    # By width: at first, after inserts and updates, and after deleting and vacuum.
    recall: dict[int, list[float]] = field(default_factory=dict)


def run(bench: Bench) -> list[Changed]:
    """Inserts and updates by turns, then the deletion of each server; the index is used up afterwards."""
    fresh = mixed(bench.data.base, needed(bench))
    everything = np.vstack([bench.data.base, fresh])
    here = np.arange(len(everything)) < bench.data.rows
    sides = [(server, Changed(server.name)) for server in bench.servers]
    for server, changed in sides:
        bench.say(f"changes, {server.name}: rows to insert")
        server.make_table("fresh", bench.data.dims)
        server.fill_table("fresh", columns(len(fresh)), fresh, first=bench.data.rows)
        changed.index_bytes_before = server.index_bytes("items")
    check(bench, sides, everything, here)
    with ExitStack() as stack:
        for server, _ in sides:
            stack.enter_context(server.without_page_images())
        write(bench, sides)
    here[:] = True
    check(bench, sides, everything, here)
    here[DELETED - 1 :: DELETED] = False
    for server, changed in sides:
        bench.say(f"changes, {server.name}: delete and vacuum")
        delete(server, changed)
    check(bench, sides, everything, here)
    return [changed for _, changed in sides]


def write(bench: Bench, sides: list[tuple[Server, Changed]]) -> None:
    """All rounds of inserts and updates."""
    first = bench.data.rows
    for turn in range(bench.plan.rounds):
        for clients in CLIENTS:
            for server, changed in turns(turn, sides):
                bench.say(f"changes, round {turn + 1}, {server.name}, {clients} clients")
                insert(bench, server, changed, clients, first)
                update(bench, server, changed, clients)
            first += bench.plan.inserts


def needed(bench: Bench) -> int:
    """Rows to insert in all: as many with four clients as with one."""
    return bench.plan.rounds * len(CLIENTS) * bench.plan.inserts


def mixed(base: Floats, count: int) -> Floats:
    """Rows to insert: one of the base and half of another, as a text on two subjects would be."""
    rng = np.random.default_rng(SEED)
    one, other = rng.integers(len(base), size=(2, count))
    return unit(base[one] + base[other] / 2)


def columns(count: int) -> dict[str, np.ndarray[tuple[int], np.dtype[np.int32]]]:
    """Their filter columns: anything."""
    rng = np.random.default_rng(SEED)
    return {name: rng.integers(BUCKETS, size=count, dtype=np.int32) for name in COLUMNS}


def insert(bench: Bench, server: Server, changed: Changed, clients: int, first: int) -> None:
    """One round: single rows, each its own transaction."""
    each = bench.plan.inserts // clients
    position = server.position()
    script = Script(INSERT, {"number": -1, "first": first, "each": each})
    timed = pgbench.run(server.cluster, script, {}, Effort(clients, statements=each))
    changed.inserted.setdefault(clients, []).append(timed)
    changed.inserted_wal.append(server.written_since(position) / (each * clients))


def update(bench: Bench, server: Server, changed: Changed, clients: int) -> None:
    """One round: a column that no index has, of rows at random, each its own transaction."""
    script = Script(UPDATE, {"last": bench.data.rows - 1})
    effort = Effort(clients, statements=bench.plan.inserts // clients, seed=SEED)
    changed.updated.setdefault(clients, []).append(pgbench.run(server.cluster, script, {}, effort))


def delete(server: Server, changed: Changed) -> None:
    """Every tenth row, and what a vacuum of it costs."""
    server.session.execute("CHECKPOINT")
    began = time.perf_counter()
    statement = f"DELETE FROM items WHERE id % {DELETED} = {DELETED - 1}"
    changed.rows_deleted = server.execute(statement).rowcount
    changed.delete_seconds = time.perf_counter() - began
    server.session.execute("CHECKPOINT")
    position = server.position()
    began = time.perf_counter()
    server.session.execute("VACUUM items")
    changed.vacuum_seconds = time.perf_counter() - began
    changed.vacuum_wal = server.written_since(position)
    changed.rows_left = int(server.value("SELECT count(*) FROM items"))
    changed.index_bytes_after = server.index_bytes("items")


def check(
    bench: Bench,
    sides: list[tuple[Server, Changed]],
    everything: Floats,
    here: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> None:
    """Recall among the rows that are there now."""
    search = Search(bench.all_questions(), K)
    truth = nearest(everything, bench.data.questions, K, here)
    for server, changed in sides:
        for width in server.index.checked_widths:
            bench.say(f"changes, recall of {server.name}, {server.index.width} {width}")
            setting: Setting = {server.index.width: width, "iterative_scan": "off"}
            changed.recall.setdefault(width, []).append(truth.recall(server.find(setting, search)))
