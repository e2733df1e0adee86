"""More clients at once, on the servers; and whether the client is the bottleneck."""

from dataclasses import dataclass, field

from peers.engines.base import Search, Setting, Timed
from peers.postgres.pgbench import Effort
from peers.postgres.server import Server
from peers.truth import Truth, nearest
from peers.work.bench import Bench, K, turns
from peers.work.search import BARE, shown

TARGETS = (0.95, 0.99)


@dataclass
class Row:
    """A server at a setting, or with a statement that searches nothing, by number of clients."""

    server: str
    # None for the bare statement.
    target: float | None
    setting: Setting
    recall: float
    rounds: dict[int, list[Timed]] = field(default_factory=dict)


def run(bench: Bench) -> list[Row]:
    """Rounds of all numbers of clients; the servers take turns at each."""
    search = Search(bench.all_questions(), K)
    truth = nearest(bench.data.base, bench.data.questions, K)
    rows = [(server, Row(server.name, None, {}, 0.0)) for server in bench.servers]
    for server in bench.servers:
        rows += [(server, row) for row in cheapest(bench, server, search, truth)]
    for turn in range(bench.plan.rounds):
        for clients in bench.plan.clients:
            effort = Effort(clients, seconds=bench.plan.seconds, seed=turn + 1)
            for server, row in turns(turn, rows):
                bench.say(f"round {turn + 1}, {clients} clients, {server.name}")
                if row.target is None:
                    timed = server.time_statement(BARE, effort)
                else:
                    timed = server.time_clients(row.setting, search, effort)
                row.rounds.setdefault(clients, []).append(timed)
    return [row for _, row in rows]


def cheapest(bench: Bench, server: Server, search: Search, truth: Truth) -> list[Row]:
    """The first setting that reaches each target; none where none does."""
    rows: list[Row] = []
    # The first sweep, whose settings are by rising width.
    for setting in server.sweeps()[0].settings:
        bench.say(f"recall of {server.name}, {shown(setting)}")
        recall = truth.recall(server.find(setting, search))
        reached = [target for target in TARGETS[len(rows) :] if recall >= target]
        rows += [Row(server.name, target, setting, recall) for target in reached]
        if len(rows) == len(TARGETS):
            break
    return rows
