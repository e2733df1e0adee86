"""The tables of one set, a section for each kind of work."""

from collections.abc import Iterable

from peers.engines.base import Timed
from peers.figures import Spread
from peers.report.compare import OURS, TARGETS, answers_of, best, peer_of, rates_at
from peers.report.markdown import megabytes, number, spread, table
from peers.work.filtered import Answered, Case
from peers.work.results import SetResult
from peers.work.search import Point, shown

NONE = "-"
# Plans that use the index, and none.
INDEXED = ("", "hnsw", "ivfflat")


def rate(rounds: Iterable[Timed]) -> str:
    """Queries a second."""
    return spread(Spread.of(timed.rate for timed in rounds))


def latencies(rounds: list[Timed]) -> list[str]:
    """p50, p95, p99: medians over rounds."""
    return [
        number(Spread.of(getattr(timed, percentile) for timed in rounds).middle) for percentile in ("p50", "p95", "p99")
    ]


def search_section(result: SetResult) -> str:
    """Rates at a recall, the first setting that finds as much, and how fast no search is."""
    if result.search is None:
        return ""
    curves = result.search.curves
    at = [[name, *(at_recall(points, target) for target in TARGETS), found(points)] for name, points in curves.items()]
    firsts = [
        [name, f"{target}", shown(point.setting), f"{point.recall:.4f}", rate(point.rounds), *latencies(point.rounds)]
        for target in TARGETS
        for name, points in curves.items()
        for point in cheapest(points, target)
    ]
    bare = [
        [f"{name}, `{what}`", rate(rounds), *latencies(rounds)]
        for what, servers in (("SELECT 1", result.search.bare), ("a row by primary key", result.search.lookup))
        for name, rounds in servers.items()
    ]
    head = ["", *(f"recall {target}" for target in TARGETS), "highest recall tried"]
    return "\n\n".join(
        [
            "Queries a second, one client:",
            table(head, at),
            "The first setting that finds as much, latencies in milliseconds:",
            table(["", "recall from", "setting", "recall", "queries/s", "p50", "p95", "p99"], firsts),
            "What a statement costs that searches nothing, through the same client:",
            table(["", "statements/s", "p50", "p95", "p99"], bare),
        ]
    )


def at_recall(points: list[Point], target: float) -> str:
    """The rate at a recall, marked where even the cheapest setting finds more."""
    rates = rates_at(points, target)
    if not rates:
        return NONE
    lower_bound = min(point.recall for point in points) > target
    return ("≥ " if lower_bound else "") + spread(Spread.of(rates))


def found(points: list[Point]) -> str:
    """The highest recall."""
    return f"{max(point.recall for point in points):.4f}"


def cheapest(points: list[Point], target: float) -> list[Point]:
    """The fastest point that finds as much, if there is one."""
    enough = [point for point in points if point.recall >= target]
    return sorted(enough, key=lambda point: -Spread.of(timed.rate for timed in point.rounds).middle)[:1]


def sweep_section(result: SetResult) -> str:
    """Every point of every curve."""
    if result.search is None:
        return ""
    rows = [
        [name, shown(point.setting), f"{point.recall:.4f}", rate(point.rounds), *latencies(point.rounds)]
        for name, points in result.search.curves.items()
        for point in points
    ]
    return table(["", "setting", "recall@10", "queries/s", "p50", "p95", "p99"], rows)


def clients_section(result: SetResult) -> str:
    """Rates by number of clients, with the cores that the client takes."""
    rows = []
    for row in sorted(result.clients or [], key=lambda row: (row.target or 0.0, row.server != OURS)):
        what = "`SELECT 1`" if row.target is None else f"recall {row.recall:.4f} at {shown(row.setting)}"
        busy = [
            number(Spread.of(timed.client_cores or 0.0 for timed in rounds).middle) for rounds in row.rounds.values()
        ]
        rows.append([f"{row.server}, {what}", *(rate(rounds) for rounds in row.rounds.values()), " / ".join(busy)])
    clients = [*result.clients[0].rounds] if result.clients else []
    head = ["queries/s by", *(f"{count} client{'s' if count > 1 else ''}" for count in clients), "cores pgbench uses"]
    return table(head, rows) if rows else ""


def build_section(result: SetResult) -> str:
    """Seconds, memory, size, log."""
    rows = [
        [
            name,
            spread(Spread.of(each.seconds for each in rounds)),
            str(rounds[0].threads),
            number(Spread.of(each.cores_used for each in rounds).middle),
            megabytes(Spread.of(each.peak_bytes for each in rounds).middle),
            megabytes(rounds[-1].index_bytes),
            number(rounds[-1].index_bytes / result.rows),
            megabytes(rounds[-1].wal_bytes) if rounds[-1].wal_bytes else NONE,
        ]
        for name, rounds in (result.build or {}).items()
    ]
    head = ["", "s", "threads", "cores used", "peak memory, MB", "index, MB", "bytes a row", "log, MB"]
    return table(head, rows) if rows else ""


def change_section(result: SetResult) -> str:
    """Inserts and updates, then deletion and vacuum, then recall."""
    sides = result.change or []
    if not sides:
        return ""
    work = [
        [
            side.server,
            *(rate(rounds) for verb in (side.inserted, side.updated) for rounds in verb.values()),
            number(Spread.of(side.inserted_wal).middle),
        ]
        for side in sides
    ]
    builds = {name: Spread.of(each.seconds for each in rounds).middle for name, rounds in (result.build or {}).items()}
    vacuums = [
        [
            side.server,
            f"{side.rows_deleted:,}",
            number(side.delete_seconds),
            number(side.vacuum_seconds),
            f"{side.vacuum_seconds / builds[side.server]:.0%}" if side.server in builds else NONE,
            megabytes(side.vacuum_wal),
            f"{megabytes(side.index_bytes_before)} / {megabytes(side.index_bytes_after)}",
            number(side.index_bytes_after / side.rows_left) if side.rows_left else NONE,
        ]
        for side in sides
    ]
    recalls = [
        [side.server, str(width), *(f"{each:.4f}" for each in seen)]
        for side in sides
        for width, seen in side.recall.items()
    ]
    clients = [*sides[0].inserted]
    by_clients = [
        f"{verb}, {count}" for verb in ("inserts/s, clients: 1", "updates/s, clients: 1") for count in clients
    ]
    by_clients = [label.replace("1, ", "") for label in by_clients]
    return "\n\n".join(
        [
            table(["", *by_clients, "log of an insert, bytes"], work),
            table(
                [
                    "",
                    "rows deleted",
                    "`DELETE`, s",
                    "`VACUUM`, s",
                    "of the own build",
                    "log, MB",
                    "index before / after, MB",
                    "bytes a row",
                ],
                vacuums,
            ),
            table(["recall@10", "width", "as built", "after inserts and updates", "after delete and vacuum"], recalls),
        ]
    )


def filtered_section(result: SetResult) -> str:
    """For each kind of filter two tables: as shipped, and what it takes to find enough."""
    cases = result.filtered or []
    parts = []
    for kind, conditions in dict.fromkeys((case.kind, case.conditions) for case in cases):
        chosen = [case for case in cases if (case.kind, case.conditions) == (kind, conditions)]
        parts += [
            f"**{kind[0].upper() + kind[1:]}, {'one condition' if conditions == 1 else 'two conditions'}**",
            f"At {widths(chosen)}: recall; rows returned where fewer than could be; queries/s; and how a server "
            "planned it, where not through the index:",
            as_shipped(chosen),
            "The fastest way of each peer to recall 0.95, whatever variant and width, queries/s:",
            enough(chosen),
        ]
    return "\n\n".join(parts)


def widths(cases: list[Case]) -> str:
    """The first width of each peer: `hnsw.ef_search`, `ivfflat.probes`, Qdrant's `hnsw_ef`."""
    known = {
        peer_of(variant): answers[0].width for case in cases for variant, answers in case.answers.items() if answers
    }
    if len(set(known.values())) == 1:
        return f"width {next(iter(known.values()))}"
    return "width " + ", ".join(f"{width} of {peer}" for peer, width in known.items())


def as_shipped(cases: list[Case]) -> str:
    """One row a selectivity, one column a variant."""
    variants = [*dict.fromkeys(variant for case in cases for variant in case.answers)]
    rows = [
        [
            selectivity(case),
            *(cell(case, case.answers[variant][0]) for variant in variants if case.answers.get(variant)),
        ]
        for case in cases
    ]
    return table(["rows that pass (nearer ones)", *variants], rows)


def selectivity(case: Case) -> str:
    """The share and the number that pass; how many rows are nearer than the last answer."""
    return f"{case.selectivity * 100:g} %: {case.passing:,} ({number(case.nearer)})"


def cell(case: Case, answer: Answered) -> str:
    """Recall, rows if too few, rate, plan if not the index."""
    parts = [f"{answer.recall:.3f}"]
    if answer.rows < min(10, case.passing) - 0.005:
        parts.append(f"{answer.rows:.1f} rows")
    parts.append(f"{number(Spread.of(timed.rate for timed in answer.rounds).middle)}/s")
    if answer.plan not in INDEXED:
        parts.append(answer.plan)
    return ", ".join(parts)


def enough(cases: list[Case]) -> str:
    """The fastest of each peer at the targeted recall."""
    peers = [*dict.fromkeys(peer_of(variant) for case in cases for variant in case.answers)]
    rows = [[selectivity(case), *(fastest(case, peer) for peer in peers)] for case in cases]
    return table(["rows that pass (nearer ones)", *peers], rows)


def fastest(case: Case, peer: str) -> str:
    """Rate, recall and how; or the best recall where it never finds enough."""
    answers = answers_of(case, peer)
    chosen = best(answers, TARGETS[0])
    if chosen is None:
        return f"- (best recall {max((answer.recall for answer in answers), default=0):.3f})"
    variant = next(name for name, known in case.answers.items() if chosen in known)
    how = " ".join(
        part for part in (variant.removeprefix(peer).strip(), chosen.plan if chosen.plan not in INDEXED else "") if part
    )
    return f"{rate(chosen.rounds)} at {chosen.recall:.3f}; {f'{how}, ' if how else ''}width {chosen.width}"


def cold_section(result: SetResult) -> str:
    """Pages and latencies."""
    rows = [
        [
            f"{row.server}, recall {row.recall:.4f} at {shown(row.setting)}",
            f"{row.buffers:,} of {row.index_pages:,}",
            number(row.touched),
            number(row.read),
            number(row.disk_bytes / 8192) if row.disk_bytes is not None else NONE,
            *latencies(row.rounds),
        ]
        for row in sorted(result.cold or [], key=lambda row: (row.target, row.server != OURS))
    ]
    head = [
        "",
        "shared buffers of index pages",
        "pages touched",
        "of these read",
        "8 kB from disk",
        "p50",
        "p95",
        "p99",
    ]
    if not rows:
        return ""
    nothing = all(row.disk_bytes == 0 for row in result.cold or [])
    warning = (
        "**Nothing came from the disk**: the files of the servers lie in memory; set `TMPDIR`.\n\n" if nothing else ""
    )
    return warning + table(head, rows)


def story_section(result: SetResult) -> str:
    """Milliseconds a query."""
    rows = [
        [
            row.peer,
            f"{row.recall:.3f}",
            spread(Spread.of(timed.p50 for timed in row.rounds)),
            *latencies(row.rounds)[1:],
        ]
        for row in result.story or []
    ]
    return table(["", "recall@3", "p50, ms", "p95, ms", "p99, ms"], rows) if rows else ""
