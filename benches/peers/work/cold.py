"""An index larger than memory: page reads and latency of a query.

`shared_buffers` holds a tenth of the index. Before each question the system forgets all files of
table and index (posix_fadvise), so a page that is not in shared buffers comes from the disk.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

from peers.engines.base import Search, Setting, Timed
from peers.postgres.cluster import relation_files, sql
from peers.postgres.server import INDEX, Server
from peers.truth import Truth, nearest
from peers.work.bench import Bench, K, turns
from peers.work.clients import cheapest

SHARE = 10
# The least that PostgreSQL takes is 16; below this its own catalogues leave no room.
LEAST_BUFFERS = 256
PAGE = 8192


@dataclass
class Cold:
    """A server at the first setting that reaches a recall."""

    server: str
    target: float
    setting: Setting
    recall: float
    buffers: int
    index_pages: int
    # On average over all questions of all rounds: pages asked for, and of these not in shared buffers.
    touched: float = 0.0
    read: float = 0.0
    # Bytes that the disk gave; None where the system does not tell.
    disk_bytes: float | None = None
    rounds: list[Timed] = field(default_factory=list)


def run(bench: Bench) -> list[Cold]:
    """Finds the settings while all is in memory, then asks with little of it, server by turns."""
    search = Search(bench.all_questions(), K)
    truth = nearest(bench.data.base, bench.data.questions, K)
    rows = [(server, row) for server in bench.servers for row in prepare(bench, server, search, truth)]
    try:
        for server in bench.servers:
            shrink(server, [row for other, row in rows if other is server])
        for turn in range(min(bench.plan.rounds, 3)):
            for server, row in turns(turn, rows):
                bench.say(f"cold, round {turn + 1}, {server.name}, recall {row.target}")
                ask(server, row, Search(search.questions[: bench.plan.cold_questions], K))
    finally:
        for server in bench.servers:
            server.restart()
            warm(server)
    return [row for _, row in rows]


def prepare(bench: Bench, server: Server, search: Search, truth: Truth) -> list[Cold]:
    """What will be asked for."""
    pages = int(server.value(f"SELECT pg_relation_size('{INDEX}') / {PAGE}"))
    buffers = max(pages // SHARE, LEAST_BUFFERS)
    found = cheapest(bench, server, search, truth)
    return [Cold(server.name, row.target or 0.0, row.setting, row.recall, buffers, pages) for row in found]


def shrink(server: Server, rows: list[Cold]) -> None:
    """Starts the server with little memory, everything written to disk."""
    server.session.execute("CHECKPOINT")
    if rows:
        server.restart(shared_buffers=str(rows[0].buffers))
        os.sync()


def warm(server: Server) -> None:
    """Brings table and index back into memory, for the work that comes next."""
    for file in files_of(server):
        file.read_bytes()
    server.value("SELECT sum(vector_dims(embedding)) FROM items")


def files_of(server: Server) -> list[Path]:
    """All files of table and index."""
    return [file for name in ("items", INDEX) for file in relation_files(server.session, server.cluster.data, name)]


def ask(server: Server, row: Cold, search: Search) -> None:
    """Every question once with its time, then once more with its pages."""
    files = files_of(server)
    statement = sql(server.statement(search, "%s"))
    disk = disk_reader(int(server.value("SELECT pg_backend_pid()")))
    with server.settings(row.setting, search):
        for question in search.questions[:5]:
            server.session.execute(statement, (question,))
        before, taken = disk(), []
        for question in search.questions:
            forget(files)
            began = time.perf_counter()
            server.session.execute(statement, (question,)).fetchall()
            taken.append(time.perf_counter() - began)
        after = disk()
        pages = [pages_of(server, search, question, files) for question in search.questions]
    done = len(row.rounds)
    row.rounds.append(Timed.of(taken, sum(taken)))
    row.touched = (row.touched * done + mean(touched for touched, _ in pages)) / (done + 1)
    row.read = (row.read * done + mean(read for _, read in pages)) / (done + 1)
    if before is not None and after is not None:
        row.disk_bytes = ((row.disk_bytes or 0.0) * done + (after - before) / len(taken)) / (done + 1)


def forget(files: list[Path]) -> None:
    """Has the system drop the pages of files; they are on disk."""
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def disk_reader(process: int) -> Callable[[], int | None]:
    """Reads how many bytes the disk has given a process."""

    def read() -> int | None:
        try:
            lines = Path(f"/proc/{process}/io").read_text().splitlines()
        except OSError:
            return None
        return next((int(line.split()[1]) for line in lines if line.startswith("read_bytes")), None)

    return read


def pages_of(server: Server, search: Search, question: int, files: list[Path]) -> tuple[int, int]:
    """Pages that a query touches, and of these those not in shared buffers."""
    forget(files)
    statement = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {server.statement(search, str(question))}"
    explained: dict[str, Any] = server.value(statement)[0]["Plan"]
    hit, read = explained["Shared Hit Blocks"], explained["Shared Read Blocks"]
    return hit + read, read
