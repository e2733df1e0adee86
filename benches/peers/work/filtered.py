"""Searches behind filters: of known selectivity, random or against the question, one condition or two."""

from dataclasses import dataclass, field
from statistics import mean, median

import numpy as np

from peers.engines.base import Peer, Search, Setting, Timed
from peers.filters import Kind, Predicate, passing, predicate
from peers.postgres.server import Server
from peers.truth import Truth, nearest
from peers.work.bench import Bench, K, interleaved, turns

# Recall from which on wider searches are not tried.
ENOUGH = 0.99
# Of a library, by its setting `ef`.
WIDTHS = (40, 100, 400)
LIBRARY_VARIANTS: dict[str, dict[str, Setting]] = {
    "qdrant": {"": {}, "ACORN": {"acorn": 1}},
    "qdrant_int8": {"": {}},
}


@dataclass
class Answered:
    """A variant at one width."""

    width: int
    recall: float
    # On average; never above what passes.
    rows: float
    # How a server plans it.
    plan: str
    rounds: list[Timed] = field(default_factory=list)


@dataclass
class Case:
    """One filter, with the answers of each variant."""

    kind: str
    conditions: int
    selectivity: float
    passing: int
    # Rows nearer to the question than the last true answer, dropped or not: how far the filter leads away.
    nearer: float
    answers: dict[str, list[Answered]] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A case ready to be asked."""

    search: Search
    truth: Truth


def run(bench: Bench) -> list[Case]:
    """All filters, one after another; within each the variants take turns."""
    cases = []
    for kind in Kind:
        for conditions in (1, 2):
            for selectivity in bench.plan.selectivities:
                where = predicate(kind, conditions, selectivity)
                mask = passing(bench.data.columns, where)
                if mask.any():
                    case = Case(kind.value, conditions, selectivity, int(mask.sum()), 0.0)
                    answer(bench, case, pose(bench, case, kind, where))
                    cases.append(case)
    return cases


def pose(bench: Bench, case: Case, kind: Kind, where: Predicate) -> Asked:
    """Chooses the questions, and finds the true answers."""
    data = bench.data
    numbers = data.opposed if kind is Kind.OPPOSED else bench.all_questions()
    numbers = numbers[: bench.plan.filtered_questions]
    questions = data.questions[list(numbers)]
    truth = nearest(data.base, questions, K, passing(data.columns, where))
    # The farthest row that counts, and how many of all rows are nearer.
    farthest = [
        min(float(data.base[row] @ question) for row in rows)
        for rows, question in zip(truth.accepted, questions, strict=True)
    ]
    case.nearer = median(
        int(np.count_nonzero(data.base @ question > last)) for question, last in zip(questions, farthest, strict=True)
    )
    return Asked(Search(numbers, K, where), truth)


def variants(bench: Bench) -> list[tuple[str, Peer, Setting]]:
    """What is compared: a peer with settings, by a name for both."""
    return [
        (f"{peer.name} {variant}".strip(), peer, setting)
        for peer in bench.peers
        for variant, setting in (
            peer.index.filtered if isinstance(peer, Server) else LIBRARY_VARIANTS[peer.name]
        ).items()
    ]


def answer(bench: Bench, case: Case, asked: Asked) -> None:
    """Recall of each variant by rising width, until it is enough; then rounds."""
    measured: list[list[tuple[Peer, Setting, Answered]]] = []
    for name, peer, setting in variants(bench):
        bench.say(f"{case.kind}, {case.conditions} x, {case.selectivity:.2%}: recall of {name}")
        tried = [*widths(bench, peer, setting, asked)]
        case.answers[name] = [answered for _, _, answered in tried]
        measured.append(tried)
    for turn in range(bench.plan.filtered_rounds):
        bench.say(f"{case.kind}, {case.conditions} x, {case.selectivity:.2%}: round {turn + 1}")
        for peer, setting, answered in interleaved(turns(turn, measured)):
            seconds = bench.plan.seconds if isinstance(peer, Server) else bench.plan.library_seconds
            answered.rounds.append(peer.time(setting, asked.search, seconds))


def widths(bench: Bench, peer: Peer, setting: Setting, asked: Asked) -> list[tuple[Peer, Setting, Answered]]:
    """The widths that were tried, with what they find."""
    tried: list[tuple[Peer, Setting, Answered]] = []
    name, known = (peer.index.width, peer.index.filtered_widths) if isinstance(peer, Server) else ("ef", WIDTHS)
    for width in known[: bench.plan.filtered_steps]:
        wide: Setting = {name: width, **setting}
        found = peer.find(wide, asked.search)
        plan = peer.plan(wide, asked.search) if isinstance(peer, Server) else ""
        answered = Answered(width, asked.truth.recall(found), float(mean(len(rows) for rows in found)), plan)
        tried.append((peer, wide, answered))
        # Where a b-tree answers, the width changes nothing.
        if answered.recall >= ENOUGH or plan in ("b-tree", "table"):
            break
    return tried
