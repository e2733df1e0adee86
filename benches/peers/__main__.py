"""Runs the benchmark: `make bench-peers`."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from peers import data
from peers.data import Dataset, Size
from peers.engines.base import Peer
from peers.lineup import BUILDING, Lineup
from peers.machine import Machine, cores
from peers.options import Options, Plan, parse
from peers.postgres.installation import Installation
from peers.postgres.server import Server, server_settings
from peers.report import write
from peers.work import build, change, clients, cold, filtered, grow, memory, search, story
from peers.work.bench import Bench
from peers.work.results import About, Run, SetResult

ENDING = (signal.SIGINT, signal.SIGTERM)
MODULES = {
    "memory": memory.run,
    "build": build.run,
    "search": search.run,
    "clients": clients.run,
    "filtered": filtered.run,
    "cold": cold.run,
    "story": story.run,
    "grow": grow.run,
    "change": change.run,
}


class Shown:
    """The progress, a step for each work on each set."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.progress, self.task, self.where = progress, task, ""

    def say(self, text: str) -> None:
        """What is going on."""
        self.progress.update(self.task, description=f"{self.where}: {text}")
        if not self.progress.console.is_terminal:
            print(f"{time.strftime('%H:%M:%S')} {self.where}: {text}", file=sys.stderr, flush=True)

    def step(self) -> None:
        """One more is done."""
        self.progress.advance(self.task)


def main_set(options: Options) -> Dataset:
    """The set that gets all works."""
    size = Size(options.plan.rows, options.plan.questions)
    return data.read_folder(options.data, options.name, size) if options.data else data.read_sample(size)


@dataclass(frozen=True)
class Job:
    """What is measured on a set, how much of it, and how the set comes about."""

    works: tuple[str, ...]
    plan: Plan
    make: Callable[[], Dataset]


def jobs(options: Options) -> list[Job]:
    """The main set, unless it is left out, then generated ones."""
    size = Size(options.plan.generated_rows, options.plan.questions)
    works = tuple(work for work in options.works if work in options.lineup.generated)
    generated = [
        Job(works, options.generated, partial(data.generate, dims, size)) for dims in options.plan.generated_dims
    ]
    main = [] if options.generated_alone else [Job(options.works, options.plan, partial(main_set, options))]
    return [*main, *(generated if works else [])]


def make_peers(
    options: Options, works: tuple[str, ...], dataset: Dataset, installation: Installation, stack: ExitStack
) -> tuple[list[Server], list[Peer]]:
    """Starts all that have a part in the works."""
    lineup, rows = options.lineup, dataset.rows
    wanted = lineup.needed(works, options.peers, dataset.dims)
    sides = {name: side for name, side in lineup.servers.items() if name in wanted}
    settings = server_settings(dataset.base.nbytes, Machine.read().memory_bytes, len(sides))
    servers = [
        stack.enter_context(closing(Server(name, side.extension, side.index(rows), installation, settings)))
        for name, side in sides.items()
    ]
    libraries: list[Peer] = [
        stack.enter_context(closing(lineup.start(name))) for name in lineup.libraries if name in wanted
    ]
    return servers, libraries


def measure(options: Options, job: Job, dataset: Dataset, shown: Shown) -> SetResult:
    """All works on one set."""
    result = SetResult(dataset.name, dataset.rows, dataset.dims, len(dataset.questions))
    with ExitStack() as stack:
        installation = stack.enter_context(closing(Installation(options.server, options.library)))
        installation.need_pgvector()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-peers-")))
        dataset.save(folder)
        servers, libraries = make_peers(options, job.works, dataset, installation, stack)
        bench = Bench(job.plan, dataset, servers, libraries, cores(), shown.say)
        for peer in bench.peers:
            shown.say(f"load {peer.name}")
            peer.load(folder)
        run_works(job, options.lineup, bench, result, shown)
        result.peers = [About(peer.name, peer.version, peer.about) for peer in bench.peers]
        result.settings = dict(servers[0].cluster.settings) if servers else {}
    return result


def run_works(job: Job, lineup: Lineup, bench: Bench, result: SetResult, shown: Shown) -> None:
    """In the order of the lineup, each for those that have a part in it."""
    built = False
    for work in job.works:
        if work not in BUILDING and not built and "build" not in job.works:
            for peer in bench.peers:
                shown.say(f"build {peer.name}")
                peer.build(bench.threads)
            built = True
        setattr(result, work, MODULES[work](bench.of(lineup.works[work])))
        shown.step()


def end(*_: object) -> None:
    """Ends the run, once: a second signal must not keep servers and files from going."""
    for signal_ in ENDING:
        signal.signal(signal_, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> None:
    """Measures, and writes the result."""
    options = parse()
    for signal_ in ENDING:
        signal.signal(signal_, end)
    began = time.monotonic()
    planned = jobs(options)
    run = Run(options.command, options.quick, options.plan, Machine.read(), "", [], method=options.lineup.method)
    columns = (TimeElapsedColumn(), BarColumn(20), TextColumn("{task.completed}/{task.total} {task.description}"))
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        shown = Shown(progress, progress.add_task("", total=sum(len(job.works) for job in planned)))
        for job in planned:
            shown.where = "data"
            shown.say("reading")
            dataset = job.make()
            shown.where = dataset.name
            run.sets.append(measure(options, job, dataset, shown))
            run.server = next(
                (
                    about.about.rpartition("; ")[2]
                    for about in run.sets[0].peers
                    if about.name in options.lineup.servers
                ),
                "",
            )
            run.load_after = round(os.getloadavg()[0], 2)
            run.minutes = round((time.monotonic() - began) / 60, 1)
            # After each set: whoever breaks off a long run keeps what was measured.
            written = write(run, options.results)
    print(written)


if __name__ == "__main__":
    main()
