"""vector_ext beside each peer, figure by figure, so that the page can say who is ahead."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from peers.figures import Pair, Spread, rate_at, ratios
from peers.work.change import Changed
from peers.work.filtered import Answered, Case
from peers.work.results import SetResult
from peers.work.search import Point

OURS = "vector_ext"
TARGETS = (0.95, 0.99)
# Ratios that differ from 1 by less say nothing.
NOTHING = 0.03


@dataclass(frozen=True)
class Compared:
    """One figure of ours and of a peer. `ratio` is above 1 where ours is the better one."""

    what: str
    peer: str
    ours: Spread
    theirs: Spread
    ratio: Spread

    @property
    def level(self) -> bool:
        """Whether neither is ahead: the rounds do not agree on it, or it is next to nothing."""
        return self.ratio.lowest < 1 < self.ratio.highest or abs(self.ratio.middle - 1) < NOTHING

    @property
    def behind(self) -> bool:
        """Whether the peer is ahead."""
        return self.ratio.middle < 1 and not self.level


def compared(what: str, peer: str, ours: list[float], theirs: list[float], more: bool) -> Iterator[Compared]:
    """Ours beside theirs, round by round; `more` where more is better. Nothing where one has no figure."""
    ratio = ratios(ours, theirs) if more else ratios(theirs, ours)
    if ratio:
        yield Compared(what, peer, Spread.of(ours), Spread.of(theirs), ratio)


def rates_at(points: list[Point], recall: float) -> list[float]:
    """Queries a second at a recall, round by round; none where the peer does not reach it."""
    rounds = min((len(point.rounds) for point in points), default=0)
    found = [
        rate_at([Pair(point.recall, point.rounds[turn].rate) for point in points], recall) for turn in range(rounds)
    ]
    return [at.rate for at in found if at]


def searches(result: SetResult) -> Iterator[Compared]:
    """Queries a second at each recall."""
    curves = result.search.curves if result.search else {}
    for target in TARGETS:
        for peer in curves:
            if peer != OURS and OURS in curves:
                ours, theirs = rates_at(curves[OURS], target), rates_at(curves[peer], target)
                yield from compared(f"queries/s at recall {target}, one client", peer, ours, theirs, True)


def more_clients(result: SetResult) -> Iterator[Compared]:
    """Queries a second of several clients, each server at its first setting that finds as much."""
    rows = {(row.server, row.target): row for row in result.clients or [] if row.target}
    for (server, target), row in rows.items():
        mine = rows.get((OURS, target))
        if server == OURS or mine is None:
            continue
        for clients, rounds in row.rounds.items():
            ours, theirs = [timed.rate for timed in mine.rounds[clients]], [timed.rate for timed in rounds]
            what = f"queries/s from recall {target} on, {clients} client{'s' if clients > 1 else ''}"
            yield from compared(what, server, ours, theirs, True)


def builds(result: SetResult) -> Iterator[Compared]:
    """What building costs. Exact search builds nothing."""
    built = {name: rounds for name, rounds in (result.build or {}).items() if name != "faiss_flat"}
    figures: dict[str, Callable[[str], list[float]]] = {
        "build, s": lambda peer: [each.seconds for each in built[peer]],
        "build, peak memory, MB": lambda peer: [each.peak_bytes / 2**20 for each in built[peer]],
        "index, MB": lambda peer: [each.index_bytes / 2**20 for each in built[peer]],
        "build, log, MB": lambda peer: [each.wal_bytes / 2**20 for each in built[peer] if each.wal_bytes],
    }
    for what, figure in figures.items():
        for peer in built:
            if peer != OURS and OURS in built:
                yield from compared(what, peer, figure(OURS), figure(peer), False)


def changes(result: SetResult) -> Iterator[Compared]:
    """Inserts, updates, deletion and vacuum."""
    sides = {changed.server: changed for changed in result.change or []}
    if OURS not in sides:
        return
    mine = sides[OURS]
    less: dict[str, Callable[[Changed], list[float]]] = {
        "log of an inserted row, bytes": lambda changed: changed.inserted_wal,
        "vacuum, s": lambda changed: [changed.vacuum_seconds],
        "log of the vacuum, MB": lambda changed: [changed.vacuum_wal / 2**20],
    }
    for name, other in sides.items():
        if name == OURS:
            continue
        for verb in ("inserted", "updated"):
            for clients, rounds in getattr(other, verb).items():
                ours = [timed.rate for timed in getattr(mine, verb)[clients]]
                what = f"rows {verb}/s, {clients} client{'s' if clients > 1 else ''}"
                yield from compared(what, name, ours, [timed.rate for timed in rounds], True)
        for what, figure in less.items():
            yield from compared(what, name, figure(mine), figure(other), False)


def cold(result: SetResult) -> Iterator[Compared]:
    """Pages and milliseconds of a query of an index larger than memory."""
    rows = {(row.server, row.target): row for row in result.cold or []}
    for (server, target), row in rows.items():
        mine = rows.get((OURS, target))
        if server == OURS or mine is None:
            continue
        yield from compared(
            f"pages read by a query, index larger than memory, recall {target}", server, [mine.read], [row.read], False
        )
        ours, theirs = [timed.p50 for timed in mine.rounds], [timed.p50 for timed in row.rounds]
        yield from compared(f"p50 in ms, index larger than memory, recall {target}", server, ours, theirs, False)


def stories(result: SetResult) -> Iterator[Compared]:
    """Milliseconds of a query of the ten questions."""
    rows = {row.peer: [timed.p50 for timed in row.rounds] for row in result.story or []}
    for peer, theirs in rows.items():
        if peer != OURS and OURS in rows:
            yield from compared("ten questions, three rows each, p50 in ms", peer, rows[OURS], theirs, False)


def peer_of(variant: str) -> str:
    """The peer of a variant, whose name begins with it."""
    return variant.partition(" ")[0]


def best(answers: Iterable[Answered], recall: float) -> Answered | None:
    """The fastest of the answers that find as much; None where none does."""
    enough = [answer for answer in answers if answer.recall >= recall and answer.rounds]
    return max(enough, key=lambda answer: Spread.of(timed.rate for timed in answer.rounds).middle, default=None)


def answers_of(case: Case, name: str) -> list[Answered]:
    """Of all variants of a peer, each at each width."""
    variants = (answers for variant, answers in case.answers.items() if peer_of(variant) == name)
    return [answer for answers in variants for answer in answers]


def filters(result: SetResult, recall: float = TARGETS[0]) -> Iterator[Compared]:
    """Behind filters: each at its best variant and width that finds enough."""
    for case in result.filtered or []:
        mine = best(answers_of(case, OURS), recall)
        for peer in sorted({peer_of(variant) for variant in case.answers}):
            other = best(answers_of(case, peer), recall)
            if peer == OURS or other is None or mine is None:
                continue
            ours, theirs = ([timed.rate for timed in each.rounds] for each in (mine, other))
            what = f"queries/s, filter {title(case)}, recall from {recall} on"
            yield from compared(what, peer, ours, theirs, True)


def title(case: Case) -> str:
    """A filter in words."""
    joined = "one condition" if case.conditions == 1 else "two conditions"
    return f"{case.selectivity * 100:g} %, {case.kind}, {joined}"


def all_compared(result: SetResult) -> list[Compared]:
    """Everything that can be set side by side."""
    parts = (searches, more_clients, builds, changes, cold, stories, filters)
    return [each for part in parts for each in part(result)]
