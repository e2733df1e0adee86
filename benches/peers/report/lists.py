"""The tables of lists: the same number of them on both servers, building with little memory, and growing."""

from collections.abc import Iterator

from peers.figures import Spread, ratios
from peers.report.compare import OURS, TARGETS, rates_at
from peers.report.markdown import megabytes, number, spread, table, times
from peers.work.grow import BUILT, GROWN, Grown, at_equal_rate
from peers.work.memory import Limited
from peers.work.results import SetResult
from peers.work.search import Point, shown

NONE = "-"
# What the recall of an index that has grown is told at.
RECALLS = (0.9, *TARGETS)


def same_lists(result: SetResult) -> Iterator[tuple[str, str]]:
    """Pairs of ours and pgvector's that were made with the same number of lists."""
    curves = result.search.curves if result.search else {}
    for name in curves:
        theirs = name.replace(OURS, "pgvector", 1)
        if name != theirs and theirs in curves:
            yield name, theirs


def pairs_section(result: SetResult) -> str:
    """Rates side by side, list for list."""
    rows = []
    for mine, theirs in same_lists(result):
        for target in TARGETS:
            ours, others = (rates_at(result.search.curves[name], target) for name in (mine, theirs) if result.search)
            ratio = ratios(ours, others)
            cells = [spread(Spread.of(rates)) if rates else NONE for rates in (ours, others)]
            rows.append([f"{mine}, {theirs}", f"{target}", *cells, times(ratio) if ratio else NONE])
    head = ["", "recall", "vector_ext, queries/s", "pgvector, queries/s", "ratio"]
    if not rows:
        return ""
    return f"{table(head, rows)}\n\nEvery curve as many times as fast as pgvector's lists:\n\n{multiples(result)}"


def multiples(result: SetResult) -> str:
    """Rates of all curves as multiples of those of pgvector's, at each recall."""
    curves = result.search.curves if result.search else {}
    theirs = [name for name in curves if name.startswith("pgvector")]
    columns = [(target, name) for target in TARGETS for name in theirs]
    rows = []
    for curve, points in curves.items():
        found = [ratios(rates_at(points, target), rates_at(curves[name], target)) for target, name in columns]
        rows.append([curve, *(times(ratio) if ratio else NONE for ratio in found)])
    return table(["", *(f"recall {target}, of {name}" for target, name in columns)], rows)


def memory_section(result: SetResult) -> str:
    """A row for each build."""
    rows = [limited(row) for row in sorted(result.memory or [], key=lambda row: row.lists)]
    head = ["", "lists", "maintenance_work_mem", "s", "cores used", "peak memory, MB", "index, MB", "log, MB"]
    return table(head, rows) if rows else ""


def limited(row: Limited) -> list[str]:
    """What a build costs, or why there is none."""
    named = [row.peer, f"{row.lists:,}", row.memory or NONE]
    if not row.rounds:
        return [*named, f"refused: {row.refused}", *[NONE] * 4]
    last = row.rounds[-1]
    return [
        *named,
        spread(Spread.of(each.seconds for each in row.rounds)),
        number(Spread.of(each.cores_used for each in row.rounds).middle),
        megabytes(Spread.of(each.peak_bytes for each in row.rounds).middle),
        megabytes(last.index_bytes),
        megabytes(last.wal_bytes) if last.wal_bytes else NONE,
    ]


def grow_section(result: SetResult) -> str:
    """What growing costs, then what is found: at equal rates, and setting by setting."""
    sides = result.grow or []
    if not sides:
        return ""
    head = ["", "rows/s, parts", "log of a row, bytes", "`VACUUM`, s", "log of all vacuums, MB", "index / built, MB"]
    at_rates = ["", "rate at which the built one finds", "built, queries/s", "grown, queries/s", "grown / built"]
    settings = ["", "setting", "grown, recall", "built, recall", "grown, queries/s", "built, queries/s"]
    return "\n\n".join(
        [
            table(head, [costs(side) for side in sides]),
            "Queries a second at a recall, and what the index that has grown finds at the rate of the built one:",
            table([*at_rates, "grown, recall at that rate"], [row for side in sides for row in at_recalls(side)]),
            "Setting by setting:",
            table(settings, [row for side in sides for row in by_setting(side)], text=2),
        ]
    )


def titled(side: Grown) -> str:
    """A server and how its index came about."""
    return f"{side.server}, {side.case}"


def costs(side: Grown) -> list[str]:
    """Inserts, vacuums and size."""
    rows = sum(step.rows for step in side.steps)
    return [
        titled(side),
        spread(Spread.of(step.rows / step.insert_seconds for step in side.steps)),
        number(sum(step.insert_wal for step in side.steps) / rows),
        spread(Spread.of(step.vacuum_seconds for step in side.steps)),
        megabytes(sum(step.vacuum_wal for step in side.steps)),
        f"{megabytes(side.steps[-1].index_bytes)} / {megabytes(side.built_bytes)}",
    ]


def at_recalls(side: Grown) -> Iterator[list[str]]:
    """Rates of both at a recall."""
    for recall in RECALLS:
        built, grown = (rates_at(side.curves[name], recall) for name in (BUILT, GROWN))
        ratio, found = ratios(grown, built), at_equal_rate(side, recall)
        cells = [spread(Spread.of(rates)) if rates else NONE for rates in (built, grown)]
        yield [titled(side), f"{recall}", *cells, times(ratio) if ratio else NONE, f"{found:.4f}" if found else NONE]


def by_setting(side: Grown) -> Iterator[list[str]]:
    """Each setting that either was asked with."""
    grown, built = (by_name(side, name) for name in (GROWN, BUILT))
    for setting in dict.fromkeys((*grown, *built)):
        points = [known.get(setting) for known in (grown, built)]
        recalls = [f"{point.recall:.4f}" if point else NONE for point in points]
        rates = [number(Spread.of(timed.rate for timed in point.rounds).middle) if point else NONE for point in points]
        yield [titled(side), setting, *recalls, *rates]


def by_name(side: Grown, name: str) -> dict[str, Point]:
    """The points of one of the two, of all sweeps, by their settings."""
    curves = (points for curve, points in side.curves.items() if curve.partition(" ")[0] == name)
    return {shown(point.setting): point for points in curves for point in points}
