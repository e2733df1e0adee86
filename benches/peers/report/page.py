"""The page of a run."""

from collections.abc import Callable, Mapping

from peers.report import lists, sections
from peers.report.compare import OURS, TARGETS, Compared, all_compared, answers_of, best, peer_of, rates_at, title
from peers.report.markdown import spread, table, times
from peers.report.prose import ABOUT, METHODS
from peers.work.results import Run, SetResult

# Beyond so much between the rounds of a bare statement others have used the machine.
NOISE = 1.25

SECTIONS: Mapping[str, tuple[str, Callable[[SetResult], str]]] = {
    "search": ("Searching", sections.search_section),
    "pairs": ("List for list", lists.pairs_section),
    "clients": ("More clients", sections.clients_section),
    "build": ("Building", sections.build_section),
    "memory": ("Building few and many lists, with little memory and with much", lists.memory_section),
    "grow": ("An index that grows", lists.grow_section),
    "change": ("Changing rows", sections.change_section),
    "filtered": ("Filters", sections.filtered_section),
    "cold": ("An index larger than memory", sections.cold_section),
    "story": ("Ten questions, three answers each", sections.story_section),
}


def page(run: Run, pictures: Mapping[str, Mapping[str, str]]) -> str:
    """The whole page; pictures by set and work."""
    parts = [f"# vector_ext beside other engines: {run.sets[0].name}", heading(run), doubts(run), method(run)]
    for result in run.sets:
        parts += [f"# {result.name}", about(result), *beside(result)]
        for work, (title_, section) in SECTIONS.items():
            body = section(result)
            if body:
                picture = pictures.get(result.name, {}).get(work)
                shown = [f"![{title_}]({picture})"] if picture else []
                parts += [f"## {title_}", ABOUT[work], *shown, body]
        sweep = sections.sweep_section(result)
        parts += ["## Every setting", sweep] if sweep else []
    return "\n\n".join(part for part in parts if part) + "\n"


def heading(run: Run) -> str:
    """When, where, of what."""
    machine = run.machine
    quick = " **A quick look: few rows, few rounds, no figures to quote.**" if run.quick else ""
    versions = ", ".join(f"{name} {version}" for name, version in machine.libraries.items())
    return " ".join(
        [
            f"{machine.date}, `{run.command}`, {run.minutes:g} min, {run.plan.rounds} rounds.{quick}",
            f"{machine.cpu}, {machine.cores} cores, {machine.memory_bytes / 2**30:.0f} GiB, {machine.kernel},",
            f"load {machine.load_before} at the start and {run.load_after} at the end.",
            f"{run.server}; {versions}; Python {machine.python}.",
        ]
    )


def doubts(run: Run) -> str:
    """Says so where a statement that searches nothing varied from round to round."""
    found = []
    for result in run.sets:
        for name, rounds in (result.search.bare if result.search else {}).items():
            rates = [timed.rate for timed in rounds]
            if max(rates) > NOISE * min(rates):
                spread_ = f"{min(rates):,.0f} to {max(rates):,.0f}"
                found.append(f"{result.name}: `SELECT 1` beside {name} ran {spread_} times a second.")
    return "**Doubtful**, others may have used the machine. " + " ".join(found) if found else ""


def method(run: Run) -> str:
    """How it was measured, with the settings of the servers."""
    lines = "\n".join(f"    {name} = {value}" for name, value in run.sets[0].settings.items())
    parts = {"seconds": run.plan.seconds, "library_seconds": run.plan.library_seconds, "cores": run.machine.cores}
    text = METHODS[run.method].format(**parts)
    return (
        f"## How it was measured\n\n{text}\n\nSettings of all servers, here for the first set:\n\n{lines}"
        if lines
        else text
    )


def about(result: SetResult) -> str:
    """The set and the peers."""
    rows = [[each.name, each.version, each.about] for each in result.peers]
    size = f"{result.rows:,} rows of {result.dims} dimensions, {result.questions:,} questions."
    return f"{size}\n\n{table(['', 'version', 'what'], rows, text=3)}"


def beside(result: SetResult) -> list[str]:
    """Side by side with pgvector, and whoever is ahead of vector_ext in what."""
    everything = all_compared(result)
    parts = []
    for peer in dict.fromkeys(each.peer for each in everything if each.peer.startswith("pgvector")):
        theirs = [each for each in everything if each.peer == peer]
        rows = [[each.what, spread(each.ours), spread(each.theirs), ahead(each)] for each in theirs]
        parts += [f"## Side by side with {peer}", table(["", OURS, peer, "ahead"], rows)]
    behind = [f"- {line}" for line in (*losses(everything), *missed(result))]
    if everything or behind:
        parts += ["## Where a peer is ahead", "\n".join(behind) if behind else "Nowhere, in what was measured."]
    return parts


def losses(everything: list[Compared]) -> list[str]:
    """A line for each figure in which peers are ahead, the farthest first."""
    whats = dict.fromkeys(each.what for each in everything if each.behind)
    lines = []
    for what in whats:
        behind = [each for each in everything if each.what == what and each.behind]
        behind.sort(key=lambda each: each.ratio.middle)
        peers = "; ".join(f"{each.peer} {spread(each.theirs)}, {times(each.ratio)}" for each in behind)
        lines.append(f"**{what}** (vector_ext {spread(behind[0].ours)}): {peers}")
    return lines


def ahead(each: Compared) -> str:
    """Who, and by how much."""
    who = "level" if each.level else each.peer if each.behind else OURS
    return f"{who}, {times(each.ratio)}"


def missed(result: SetResult) -> list[str]:
    """Recalls that a peer reaches and vector_ext does not."""
    curves = result.search.curves if result.search else {}
    lines = [
        f"recall {target} without filter: reached by {peer}, not by vector_ext"
        for target in TARGETS
        for peer in curves
        if OURS in curves and not rates_at(curves[OURS], target) and rates_at(curves[peer], target)
    ]
    for case in result.filtered or []:
        if best(answers_of(case, OURS), TARGETS[0]) is None and answers_of(case, OURS):
            names = dict.fromkeys(peer_of(variant) for variant in case.answers)
            reached = [peer for peer in names if best(answers_of(case, peer), TARGETS[0])]
            lines += [
                f"recall {TARGETS[0]} behind a filter of {title(case)}: reached by {peer}, not by vector_ext"
                for peer in reached
            ]
    return lines
