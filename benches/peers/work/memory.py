"""Building few and many lists, with little memory and with much."""

from dataclasses import dataclass, field

import psycopg

from peers.engines.base import Built
from peers.engines.remote import Remote
from peers.lists import few_and_many
from peers.postgres.server import Server
from peers.work.bench import Bench, turns

# `maintenance_work_mem` of a build; libraries have nothing of the kind.
MEMORY = ("64MB", "2GB")


@dataclass
class Limited:
    """Builds of a peer with so many lists and so much memory."""

    peer: str
    lists: int
    memory: str = ""
    rounds: list[Built] = field(default_factory=list)
    # What the server says where it does not build.
    refused: str = ""


def run(bench: Bench) -> list[Limited]:
    """Each peer in turn, alone on the machine, so often as planned; the peer's own index is not among them."""
    planned: list[tuple[Server | Remote, Limited]] = []
    for lists in few_and_many(bench.data.rows):
        planned += [(server, Limited(server.name, lists, memory)) for memory in MEMORY for server in bench.servers]
        planned += [(peer, Limited(peer.name, lists)) for peer in bench.libraries if isinstance(peer, Remote)]
    for turn in range(bench.plan.builds):
        for peer, row in turns(turn, planned):
            bench.say(f"build {turn + 1}, {row.peer}, {row.lists} lists {row.memory}")
            build(bench, peer, row)
    return [row for _, row in planned]


def build(bench: Bench, peer: Server | Remote, row: Limited) -> None:
    """One of them; a server may want more memory than it is given."""
    if isinstance(peer, Remote):
        row.rounds.append(peer.build_with(row.lists, bench.threads))
        return
    try:
        row.rounds.append(peer.create(peer.index.with_lists(row.lists), bench.threads, row.memory))
    except psycopg.errors.ProgramLimitExceeded as error:
        row.refused = error.diag.message_primary or str(error)
