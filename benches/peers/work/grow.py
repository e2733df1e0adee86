"""An index that grows by inserts, from an empty table or from half of the rows, beside one that is built on all."""

import time
from dataclasses import dataclass, field

from peers.engines.base import Search
from peers.figures import Pair, Spread, rate_at, recall_at
from peers.postgres.server import Server
from peers.truth import Truth, nearest
from peers.work.bench import Bench, K, interleaved, turns
from peers.work.search import Curves, Point, climb, shown

TABLE = "grown"
# Rows come in so many parts, with a vacuum after each; those of a case are there before the index is made.
PARTS = 10
CASES = {"made on an empty table": 0, "built on half of the rows": PARTS // 2}
ROUNDS = 3
GROWN, BUILT = "grown", "built"


@dataclass(frozen=True)
class Step:
    """One part of the rows, and the vacuum after it."""

    rows: int
    insert_seconds: float
    insert_wal: int
    vacuum_seconds: float
    vacuum_wal: int
    index_bytes: int


@dataclass
class Grown:
    """An index that has grown beside the server's own, which was built on all rows."""

    server: str
    case: str
    built_bytes: int = 0
    steps: list[Step] = field(default_factory=list)
    # By GROWN and BUILT, and the name of a sweep behind it where it has one.
    curves: Curves = field(default_factory=dict)


def run(bench: Bench) -> list[Grown]:
    """One case after another; within each the servers take turns, and the two indexes of each."""
    truth = nearest(bench.data.base, bench.data.questions, K)
    done = []
    for case, parts in CASES.items():
        sides = [(server, Grown(server.name, case, server.index_bytes("items"))) for server in bench.servers]
        for server, grown in sides:
            grow(bench, server, grown, parts)
        measure(bench, sides, truth)
        for server, _ in sides:
            server.execute(f"DROP TABLE {TABLE}")
        done += [grown for _, grown in sides]
    return done


def grow(bench: Bench, server: Server, grown: Grown, parts: int) -> None:
    """Makes the table with its first parts, then the index, then adds what is left, part by part."""
    bounds = [bench.data.rows * part // PARTS for part in range(PARTS + 1)]
    server.execute(f"DROP TABLE IF EXISTS {TABLE}")
    server.execute(f"CREATE TABLE {TABLE} (LIKE items)")
    insert(server, 0, bounds[parts])
    server.execute(f"VACUUM ANALYZE {TABLE}")
    server.execute(server.index.create(TABLE))
    with server.without_page_images():
        for first, last in zip(bounds[parts:], bounds[parts + 1 :], strict=False):
            bench.say(f"{grown.case}, {server.name}: row {first:,} to {last:,}")
            grown.steps.append(add(server, first, last))
    server.execute(f"ANALYZE {TABLE}")


def insert(server: Server, first: int, last: int) -> None:
    """Rows of the set, in one statement."""
    server.execute(f"INSERT INTO {TABLE} SELECT * FROM items WHERE id >= {first} AND id < {last} ORDER BY id")


def add(server: Server, first: int, last: int) -> Step:
    """One part and its vacuum."""
    position, began = server.position(), time.perf_counter()
    insert(server, first, last)
    insert_seconds, insert_wal = time.perf_counter() - began, server.written_since(position)
    position, began = server.position(), time.perf_counter()
    server.execute(f"VACUUM {TABLE}")
    vacuum_seconds, vacuum_wal = time.perf_counter() - began, server.written_since(position)
    return Step(last - first, insert_seconds, insert_wal, vacuum_seconds, vacuum_wal, server.index_bytes(TABLE))


def measure(bench: Bench, sides: list[tuple[Server, Grown]], truth: Truth) -> None:
    """Recall of both indexes at each setting, then rounds."""
    columns: list[list[tuple[Server, Search, Point]]] = []
    for server, grown in sides:
        for name, table in ((GROWN, TABLE), (BUILT, "items")):
            search = Search(bench.all_questions(), K, table=table)
            if server.plan({}, search) != server.index.method:
                raise RuntimeError(f"{server.name} does not use its index of {table}")
            for curve, points in climb(bench, server, search, truth).items():
                grown.curves[curve.replace(server.name, name, 1)] = points
                columns.append([(server, search, point) for point in points])
    for turn in range(min(bench.plan.rounds, ROUNDS)):
        for server, search, point in interleaved(turns(turn, columns)):
            bench.say(f"{sides[0][1].case}, round {turn + 1}, {server.name}, {search.table}, {shown(point.setting)}")
            point.rounds.append(server.time(point.setting, search, bench.plan.seconds))


def pairs(points: list[Point]) -> list[Pair]:
    """By the medians of the rounds."""
    return [Pair(point.recall, Spread.of(timed.rate for timed in point.rounds).middle) for point in points]


def at_equal_rate(grown: Grown, recall: float) -> float | None:
    """What the index that has grown finds at the rate at which the built one finds `recall`."""
    rate = rate_at(pairs(grown.curves[BUILT]), recall)
    return recall_at(pairs(grown.curves[GROWN]), rate.rate) if rate else None
