"""The trade-offs as pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
# Text stays text, and the same figures give the same file.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "vector_ext"})

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import FuncFormatter  # noqa: E402

from peers.figures import Pair, Spread, frontier  # noqa: E402
from peers.report.compare import OURS, best, peer_of  # noqa: E402
from peers.work.filtered import Case  # noqa: E402
from peers.work.grow import BUILT, GROWN  # noqa: E402
from peers.work.results import SetResult  # noqa: E402
from peers.work.search import Point  # noqa: E402

# Okabe and Ito's colours, told apart by every eye; ours is black.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#999999")
MARKERS = ("s", "^", "D", "v", "P", "X", "<", ">", "*")
TICKS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)


def style(name: str, names: Sequence[str]) -> dict[str, Any]:
    """Colour and marker of a line: the same in every picture of a run."""
    if name == OURS:
        return {"color": "black", "marker": "o", "linewidth": 2}
    place = [other for other in names if other != OURS].index(name)
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)], "linewidth": 1}


def save(axes: Axes, file: Path) -> str:
    """Writes the picture, and gives its name."""
    axes.grid(True, which="both", alpha=0.2)
    axes.legend(fontsize=7, ncols=2)
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    figure.set_layout_engine("tight")
    figure.savefig(file, metadata={"Date": None})
    plt.close("all")
    return file.name


def curve(points: list[Point]) -> list[Pair]:
    """The best a peer reaches, by its medians."""
    return frontier(Pair(point.recall, Spread.of(timed.rate for timed in point.rounds).middle) for point in points)


def draw_search(result: SetResult, file: Path) -> str:
    """Queries a second against recall; the axis of recall grows towards 1, as errors shrink."""
    curves = result.search.curves if result.search else {}
    _, axes = plt.subplots(figsize=(8, 5))
    lowest = 1.0
    for name, points in curves.items():
        best_of = curve(points)
        errors = [max(1 - pair.recall, 1e-4) for pair in best_of]
        lowest = min([lowest, *(1 - error for error in errors)])
        axes.plot(errors, [pair.rate for pair in best_of], label=name, markersize=4, **style(name, [*curves]))
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="recall@10; all found is drawn at 0.9999",
        ylabel="queries a second, one client",
    )
    axes.set_xlim(1 - max(min(lowest, 0.95), 0.5), 8e-5)
    shown = [tick for tick in TICKS if tick >= min(lowest, 0.95)]
    axes.set_xticks([1 - tick for tick in shown], [f"{tick:g}" for tick in shown])
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    return save(axes, file)


def draw_clients(result: SetResult, file: Path) -> str:
    """Queries a second by number of clients."""
    rows = result.clients or []
    servers = [*dict.fromkeys(row.server for row in rows)]
    _, axes = plt.subplots(figsize=(8, 5))
    for row in rows:
        rates = {clients: Spread.of(timed.rate for timed in rounds).middle for clients, rounds in row.rounds.items()}
        dashes = {None: ":", 0.95: "-", 0.99: "--"}[row.target]
        label = f"{row.server}, SELECT 1" if row.target is None else f"{row.server}, recall {row.target}"
        axes.plot([*rates], [*rates.values()], dashes, label=label, **style(row.server, servers))
    clients = sorted({clients for row in rows for clients in row.rounds})
    axes.set(xscale="log", yscale="log", xlabel="clients", ylabel="queries a second")
    axes.set_xticks(clients, [str(count) for count in clients])
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    return save(axes, file)


def draw_filtered(result: SetResult, file: Path) -> str:
    """Recall, and the rate at the widest that was tried, by selectivity: a column for each kind of filter."""
    cases = result.filtered or []
    kinds = [*dict.fromkeys((case.kind, case.conditions) for case in cases)]
    variants = [*dict.fromkeys(variant for case in cases for variant in case.answers)]
    figure, grid = plt.subplots(2, len(kinds), figsize=(4 * len(kinds), 7), sharex=True, sharey="row", squeeze=False)
    for column, (kind, conditions) in enumerate(kinds):
        chosen = [case for case in cases if (case.kind, case.conditions) == (kind, conditions)]
        for variant in variants:
            draw_variant(grid[0][column], grid[1][column], chosen, variant, variants)
        title = f"{kind}, {'one condition' if conditions == 1 else 'two conditions'}"
        grid[0][column].set(title=title, ylim=(-0.03, 1.03))
        grid[1][column].set(xscale="log", xlabel="rows that pass, %")
        for row in grid:
            row[column].grid(True, alpha=0.2)
    grid[0][0].set_ylabel("recall@10 at the first width")
    grid[1][0].set_ylabel("queries a second from recall 0.95 on")
    grid[0][0].invert_xaxis()
    # An axis without any point has no logarithm.
    if any(len(line.get_xdata()) for axes in grid[1] for line in axes.lines):
        grid[1][0].set_yscale("log")
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="lower center", ncols=4, fontsize=8, handlelength=4)
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.savefig(file, metadata={"Date": None})
    plt.close("all")
    return file.name


def draw_variant(recalls: Axes, rates: Axes, cases: list[Case], variant: str, variants: list[str]) -> None:
    """One line in each of two pictures; no point where it does not find enough."""
    peers = [*dict.fromkeys(peer_of(name) for name in variants)]
    look = style(peer_of(variant), peers)
    of_peer = [name for name in variants if peer_of(name) == peer_of(variant)]
    look |= {"linestyle": ("-", "--", ":", "-.")[of_peer.index(variant) % 4], "markersize": 4, "label": variant}
    known = [case for case in cases if case.answers.get(variant)]
    recalls.plot(
        [100 * case.selectivity for case in known], [case.answers[variant][0].recall for case in known], **look
    )
    fast = [(100 * case.selectivity, best(case.answers[variant], 0.95)) for case in known]
    found = [(share, Spread.of(timed.rate for timed in answer.rounds).middle) for share, answer in fast if answer]
    rates.plot([share for share, _ in found], [rate for _, rate in found], **look)


def draw_grow(result: SetResult, file: Path) -> str:
    """Queries a second against recall of indexes that have grown, beside those built on all rows."""
    sides = result.grow or []
    servers = [*dict.fromkeys(side.server for side in sides)]
    cases = [*dict.fromkeys(side.case for side in sides)]
    _, axes = plt.subplots(figsize=(8, 5))
    for side in sides:
        look = style(side.server, servers)
        # The built index was measured with each case: its line is drawn with the first.
        lines = {GROWN: side.case, BUILT: "built on all rows"} if side.case == cases[0] else {GROWN: side.case}
        for name, label in lines.items():
            best_of = curve(side.curves[name])
            dashes = "-" if name == BUILT else ("--", ":")[cases.index(side.case) % 2]
            axes.plot(
                [pair.recall for pair in best_of],
                [pair.rate for pair in best_of],
                dashes,
                label=f"{side.server}, {label}",
                markersize=3,
                **look,
            )
    axes.set(yscale="log", xlabel="recall@10", ylabel="queries a second, one client")
    return save(axes, file)
