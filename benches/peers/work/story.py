"""The case that many begin with: a few questions, three answers each, everything as it is shipped."""

from dataclasses import dataclass, field

from peers.engines.base import Peer, Search, Setting, Timed
from peers.truth import nearest
from peers.work.bench import Bench, turns

K = 3
QUESTIONS = 10
# The graph's width is each one's default where there is one.
SETTINGS: dict[str, Setting] = {"vector_ext": {}, "pgvector": {}, "faiss_flat": {}, "qdrant": {}, "qdrant_int8": {}}


@dataclass
class Told:
    """One engine."""

    peer: str
    recall: float
    rounds: list[Timed] = field(default_factory=list)


def run(bench: Bench) -> list[Told]:
    """Ten questions, again and again."""
    search = Search(bench.all_questions()[:QUESTIONS], K)
    truth = nearest(bench.data.base, bench.data.questions[:QUESTIONS], K)
    told: list[tuple[Peer, Told]] = []
    for peer in bench.peers:
        if peer.name in SETTINGS:
            told.append((peer, Told(peer.name, truth.recall(peer.find(SETTINGS[peer.name], search)))))
    for turn in range(bench.plan.rounds):
        for peer, row in turns(turn, told):
            bench.say(f"ten questions, round {turn + 1}, {peer.name}")
            row.rounds.append(peer.time(SETTINGS[peer.name], search, bench.plan.seconds))
    return [row for _, row in told]
