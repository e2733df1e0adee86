"""Queries a second and latencies against recall, one client."""

from dataclasses import dataclass, field

from peers.engines.base import Peer, Search, Setting, Timed
from peers.postgres.pgbench import Effort
from peers.postgres.server import Server
from peers.truth import Truth, nearest
from peers.work.bench import Bench, K, interleaved, turns

# Recall from which on a sweep is over.
ENOUGH = 0.9995
# A setting that another beats by so much in the first round, at no less recall, is not repeated.
BEATEN = 1.5
BARE = "SELECT 1"
LOOKUP = "SELECT n FROM questions WHERE id = :question"


@dataclass
class Point:
    """A setting, what it finds, and how fast, round by round."""

    setting: Setting
    recall: float
    rounds: list[Timed] = field(default_factory=list)


# By peer, and the name of a sweep behind it where it has one.
Curves = dict[str, list[Point]]


@dataclass
class Searched:
    """Curves of all peers, and statements that search nothing, beside each server."""

    questions: int
    curves: Curves
    bare: dict[str, list[Timed]]
    lookup: dict[str, list[Timed]]


def run(bench: Bench) -> Searched:
    """Every question once for recall, which is the warm-up; then rounds."""
    search = Search(bench.all_questions(), K)
    truth = nearest(bench.data.base, bench.data.questions, K)
    for server in bench.servers:
        if server.plan({}, search) != server.index.method:
            raise RuntimeError(f"{server.name} does not use its index")
    climbed = [(peer, climb(bench, peer, search, truth)) for peer in bench.peers]
    curves = {name: points for _, of_peer in climbed for name, points in of_peer.items()}
    done = Searched(len(search.questions), curves, {}, {})
    for turn in range(bench.plan.rounds):
        for server in turns(turn, bench.servers):
            effort = Effort(1, seconds=bench.plan.seconds, seed=turn + 1)
            done.bare.setdefault(server.name, []).append(server.time_statement(BARE, effort))
            done.lookup.setdefault(server.name, []).append(server.time_statement(LOOKUP, effort))
        sweep(bench, turn, search, climbed)
        if turn == 0:
            # Not of sweeps with a name: all of their settings are to be seen.
            for peer in bench.peers:
                curves[peer.name][:] = worth_repeating(curves[peer.name])
    return done


def climb(bench: Bench, peer: Peer, search: Search, truth: Truth) -> Curves:
    """Recall at each setting of each sweep, until it is high enough."""
    curves: Curves = {}
    for sweep_ in peer.sweeps():
        points = curves.setdefault(f"{peer.name} {sweep_.name}".strip(), [])
        for setting in sweep_.thinned(bench.plan.step):
            bench.say(f"recall of {peer.name}, {shown(setting)}")
            points.append(Point(setting, truth.recall(peer.find(setting, search))))
            if points[-1].recall >= ENOUGH:
                break
    return curves


def sweep(bench: Bench, turn: int, search: Search, climbed: list[tuple[Peer, Curves]]) -> None:
    """One round: all curves at their first setting, then at their second."""
    curves = [(peer, points) for peer, of_peer in climbed for points in of_peer.values()]
    for peer, point in interleaved([[(peer, point) for point in points] for peer, points in turns(turn, curves)]):
        bench.say(f"round {turn + 1}, {peer.name}, {shown(point.setting)}")
        if isinstance(peer, Server):
            effort = Effort(1, seconds=bench.plan.seconds, seed=turn + 1)
            point.rounds.append(peer.time_clients(point.setting, search, effort))
        else:
            point.rounds.append(peer.time(point.setting, search, bench.plan.library_seconds))


def worth_repeating(points: list[Point]) -> list[Point]:
    """Those that no other clearly beats after one round."""

    def beats(other: Point, point: Point) -> bool:
        return other.recall >= point.recall and other.rounds[0].rate > BEATEN * point.rounds[0].rate

    return [point for point in points if not any(beats(other, point) for other in points)]


def shown(setting: Setting) -> str:
    """A setting to be read."""
    return ", ".join(f"{name} {value}" for name, value in setting.items()) or "as it is"
