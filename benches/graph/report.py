"""What was measured, as JSON, as a Markdown page and as a picture."""

import argparse
import json
import math
import os
import platform
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib
from engines import PEERS, Built, Engine, K, Point, Setting, Work

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import LogLocator, StrMethodFormatter  # noqa: E402

TARGETS = (0.95, 0.99, 0.999)
BASELINE = "hnswlib"
LIBRARIES = ("hnswlib", "faiss-cpu", "usearch", "numpy")
TICKS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
# Okabe and Ito's colours, told apart by every eye; ours is black.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
MARKERS = ("s", "^", "D", "v", "P", "X")

METHOD = """\
One machine, one run, one thread for searching. In each round every engine sweeps its settings, then the next engine
does, and so on round after round. Figures are medians of rounds, in brackets the lowest and the highest round; ratios
are taken within a round. Rates at a recall are interpolated between neighbouring points of an engine's best, linearly
in recall and in the logarithm of the rate; where even the cheapest setting finds more, its rate stands with ≥; where no
setting finds as much, there is a dash."""
BY_MATRIX = """\
The libraries get all queries in one call on one thread, so that no Python runs between queries. That is in their
favour: they may share work between queries, as FAISS' inverted lists do (`--query-by-query` forbids it, and charges
them for Python)."""
BY_QUERY = "The libraries get each query in a call of its own, and pay some microseconds of Python for each."


@dataclass
class Measured:
    """One engine, how it was built, and its points, round by round at the same settings."""

    engine: Engine
    built: Built
    settings: list[Setting] = field(default_factory=list)
    rounds: list[list[Point]] = field(default_factory=list)


@dataclass(frozen=True)
class Spread:
    """A median with the lowest and the highest round."""

    middle: float
    lowest: float
    highest: float
    at_least: bool = False

    @staticmethod
    def of(values: list[float], at_least: bool = False) -> "Spread":
        """Of what the rounds gave."""
        return Spread(median(values), min(values), max(values), at_least)

    def text(self, form: str) -> str:
        """For a cell of a table."""
        mark = "≥ " if self.at_least else ""
        return f"{mark}{self.middle:{form}} ({self.lowest:{form}} to {self.highest:{form}})"


def frontier(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The (recall, rate) pairs that no other beats in both, by rising recall.

    >>> frontier([(0.9, 5.0), (0.95, 3.0), (0.93, 2.0), (0.99, 1.0)])
    [(0.9, 5.0), (0.95, 3.0), (0.99, 1.0)]
    """
    best: list[tuple[float, float]] = []
    for recall, rate in sorted(points, reverse=True):
        if not best or rate > best[-1][1]:
            best.append((recall, rate))
    return best[::-1]


def rate_at(points: list[tuple[float, float]], recall: float) -> tuple[float, bool] | None:
    """The rate at a recall, and whether it is only a lower bound; None beyond the highest recall.

    >>> rate_at([(0.9, 100.0), (1.0, 1.0)], 0.95)
    (10.0, False)
    >>> rate_at([(0.9, 100.0), (1.0, 1.0)], 0.5)
    (100.0, True)
    >>> rate_at([(0.9, 100.0)], 0.95) is None
    True
    """
    best = frontier(points)
    if recall > best[-1][0]:
        return None
    if recall <= best[0][0]:
        return best[0][1], recall < best[0][0]
    above = next(place for place, point in enumerate(best) if point[0] >= recall)
    (low, fast), (high, slow) = best[above - 1], best[above]
    share = (recall - low) / (high - low)
    return round(math.exp(math.log(fast) * (1 - share) + math.log(slow) * share), 6), False


def rates_at(measured: Measured, recall: float) -> list[tuple[float, bool]] | None:
    """The rate at a recall in every round, or None if a round did not reach it."""
    rates = [rate_at([(point.recall, point.rate) for point in points], recall) for points in measured.rounds]
    return None if None in rates else [rate for rate in rates if rate]


def at_recall(measured: Measured, baseline: Measured | None, recall: float) -> dict[str, Spread | None]:
    """The rate at a recall and its ratio to the baseline's, round by round."""
    rates = rates_at(measured, recall)
    if rates is None:
        return {"rate": None, "ratio": None}
    bounded = any(bound for _, bound in rates)
    spread = Spread.of([rate for rate, _ in rates], bounded)
    theirs = rates_at(baseline, recall) if baseline else None
    if theirs is None or any(bound for _, bound in theirs):
        return {"rate": spread, "ratio": None}
    ratios = [ours / other for (ours, _), (other, _) in zip(rates, theirs)]
    return {"rate": spread, "ratio": Spread.of(ratios, bounded)}


def summarise_points(measured: Measured) -> list[dict[str, Any]]:
    """The sweep: each setting with its recall and its rates."""
    rows = []
    for points in zip(*measured.rounds):
        rates = [point.rate for point in points]
        extra = {key: median(point.extra[key] for point in points) for key in points[0].extra if key != "cores"}
        rows.append(
            {
                "setting": points[0].setting,
                "recall": median(point.recall for point in points),
                "rate": vars(Spread.of(rates)),
                "rounds": rates,
                "cores": max(point.extra.get("cores", 0) for point in points) or None,
                **extra,
            }
        )
    return sorted(rows, key=lambda row: (row["recall"], -row["rate"]["middle"]))


def summarise(measured: list[Measured], builds: dict[str, list[Built]]) -> list[dict[str, Any]]:
    """All engines, as the JSON file has them."""
    baseline = next((each for each in measured if each.engine.name == BASELINE), None)
    return [
        {
            "name": each.engine.name,
            "about": each.engine.about,
            "built": vars(each.built),
            "builds": [vars(built) for built in builds.get(each.engine.name, [])],
            "at": {str(recall): at_recall(each, baseline, recall) for recall in TARGETS},
            "points": summarise_points(each),
        }
        for each in measured
    ]


def machine() -> dict[str, Any]:
    """Where this ran; no names of hosts or folders."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.processor())
    return {"cpu": cpu, "cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()[0]}


def describe(work: Work, arguments: argparse.Namespace) -> dict[str, Any]:
    """The run, without its results."""
    return {
        "date": date.today().isoformat(),
        "machine": machine(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "data": {
            "name": work.name,
            "rows": len(work.base),
            "dims": work.base.shape[1],
            "queries": len(work.queries),
            "unit": work.unit,
        },
        "settings": {
            "k": K,
            "metric": work.metric,
            "rounds": arguments.rounds,
            "seconds": arguments.seconds,
            "query_by_query": arguments.query_by_query,
        },
    }


def doubts(engines: list[dict[str, Any]]) -> list[str]:
    """Signs that the machine was busy with other things, or that a search took more than its thread."""
    found = []
    for engine in engines:
        for built in [engine["built"], *engine["builds"]]:
            if built["cores"] and built["cores"] < 0.6 * built["threads"]:
                found.append(f"{engine['name']} built on {built['threads']} threads with {built['cores']:.1f} cores")
        cores = [point["cores"] for point in engine["points"] if point["cores"]]
        if cores and not 0.9 < min(cores) <= max(cores) < 1.1:
            found.append(f"{engine['name']} searched with {min(cores):.1f} to {max(cores):.1f} cores")
    return found


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def recall_table(engines: list[dict[str, Any]], key: str, form: str) -> str:
    """Engines against recalls: rates, or ratios."""
    rows = []
    for engine in engines:
        cells = [engine["at"][str(recall)][key] for recall in TARGETS]
        rows.append([engine["name"], *(cell.text(form) if cell else "-" for cell in cells)])
    return table(["engine", *(f"recall {recall}" for recall in TARGETS)], rows)


def build_table(engines: list[dict[str, Any]]) -> str:
    """Build seconds by threads, and size."""
    rows = []
    for engine in engines:
        # Those of --build, with the machine to themselves, stand before the one for the rounds.
        seconds = {built["threads"]: built["seconds"] for built in [engine["built"], *engine["builds"]]}
        size = engine["built"]["bytes_per_row"]
        cells = [f"{seconds[threads]:.1f}" if threads in seconds else "-" for threads in (1, 2)]
        rows.append([engine["name"], engine["about"], *cells, f"{size:,.0f}" if size else "-"])
    return table(["engine", "settings", "1 thread, s", "2 threads, s", "bytes a row"], rows)


def sweep_table(engine: dict[str, Any]) -> str:
    """Every point of one engine."""
    known = ("setting", "recall", "rate", "rounds", "cores")
    extra = [key for key in engine["points"][0] if key not in known]
    rows = [
        [
            ", ".join(f"{key}={value}" for key, value in point["setting"].items()),
            f"{point['recall']:.4f}",
            Spread(**point["rate"]).text(",.0f"),
            *(f"{point[key]:,.1f}" for key in extra),
        ]
        for point in engine["points"]
    ]
    return table(["setting", f"recall@{K}", "queries/s", *extra], rows)


def page(run: dict[str, Any], engines: list[dict[str, Any]], picture: str) -> str:
    """The Markdown page."""
    data, where = run["data"], run["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in run["versions"].items())
    unsure = doubts(engines)
    parts = [
        f"# Graph search beside other libraries: {data['name']}",
        f"{run['date']}: {data['rows']:,} rows of {data['dims']} dimensions, {data['queries']:,} queries, "
        f"recall@{K}, {run['settings']['metric']}, {run['settings']['rounds']} rounds. {where['cpu']}, "
        f"{where['cores']} cores; {versions}.",
        METHOD,
        BY_QUERY if run["settings"]["query_by_query"] else BY_MATRIX,
        *([f"**Doubtful**, others used the machine: {'; '.join(unsure)}."] if unsure else []),
        f"![Queries a second by recall]({picture})",
        "## Queries a second",
        recall_table(engines, "rate", ",.0f"),
        f"## As many times as {BASELINE}",
        recall_table(engines, "ratio", ".2f"),
        "## Building",
        build_table(engines),
        "## Sweeps",
    ]
    for engine in engines:
        parts += [f"### {engine['name']}", sweep_table(engine)]
    return "\n\n".join(parts) + "\n"


def draw(
    engines: list[dict[str, Any]],
    run: dict[str, Any],
    path: Path,
    *,
    peers: Collection[str] = tuple(PEERS),
    rate: str = "queries a second, one thread",
) -> None:
    """The curves: how fast at which recall, both axes logarithmic, misses falling to the right."""
    plt.rcParams.update({"svg.hashsalt": "graph", "svg.fonttype": "none", "font.size": 10})
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    # A search that misses nothing has no place on a logarithmic axis: half a miss stands for it.
    floor = 0.5 / (run["data"]["queries"] * K)
    styles = iter(zip(COLOURS, MARKERS))
    for engine in engines:
        ours = engine["name"] not in peers
        colour, marker = ("black", "o") if ours else next(styles)
        draw_curve(axes, engine, floor, {"color": colour, "marker": marker, "linewidth": 2.2 if ours else 1.4})
    limit_axes(axes, floor)
    axes.set_xlabel(f"recall@{K}")
    axes.set_ylabel(rate)
    axes.set_title(f"{run['data']['name']}: {run['data']['rows']:,} x {run['data']['dims']}", loc="left")
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def draw_curve(axes: Any, engine: dict[str, Any], floor: float, style: dict[str, Any]) -> None:
    """One engine's best points, and a band from the lowest round to the highest."""
    rates = {(point["recall"], point["rate"]["middle"]): point["rate"] for point in engine["points"]}
    best = [(recall, rates[recall, rate]) for recall, rate in frontier(list(rates))]
    misses = [max(1 - recall, floor) for recall, _ in best]
    axes.plot(misses, [rate["middle"] for _, rate in best], label=engine["name"], markersize=4.5, **style)
    lowest, highest = ([rate[key] for _, rate in best] for key in ("lowest", "highest"))
    axes.fill_between(misses, lowest, highest, color=style["color"], alpha=0.15, linewidth=0)


def limit_axes(axes: Any, floor: float) -> None:
    """Recall rises to the right, from 0.8; ticks say recall, not misses."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(0.2, min(floor, 0.001) * 0.8)
    ticks = [tick for tick in TICKS if 1 - tick >= 1.5 * floor]
    axes.set_xticks([*(1 - tick for tick in ticks), floor], [*(f"{tick:g}" for tick in ticks), "1"])
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.minorticks_off()
    axes.grid(True, which="major", color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def write_report(
    measured: list[Measured], builds: dict[str, list[Built]], work: Work, arguments: argparse.Namespace
) -> str:
    """Writes the three files; returns the table of rates."""
    arguments.results.mkdir(parents=True, exist_ok=True)
    path = arguments.results / f"graph-{arguments.name or work.name}"
    run, engines = describe(work, arguments), summarise(measured, builds)
    text = json.dumps({**run, "engines": engines}, indent=1, default=vars)
    Path(f"{path}.json").write_text(text + "\n")
    Path(f"{path}.md").write_text(page(run, engines, f"{path.name}.svg"))
    draw(engines, run, Path(f"{path}.svg"))
    return recall_table(engines, "rate", ",.0f")
