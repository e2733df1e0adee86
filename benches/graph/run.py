#!/usr/bin/env python3
"""Our graph beside other libraries: one machine, one thread, the same vectors, alternating rounds.

    run.py [options] -- PROGRAM [ARGUMENTS]

PROGRAM is ours: it builds an index of the data and then answers `search EF` lines (see README.md
beside this file). Without it only the libraries run. Writes graph-NAME.json, .md and .svg.
"""

import argparse
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from engines import PEERS, Built, Engine, K, Ours, Point, Setting, Work, make_peers
from report import Measured, write_report
from tqdm import tqdm

PROJECT = Path(__file__).resolve().parents[2]
FILES = ("base.f16.npy", "queries.f16.npy", "truth.i32.npy")
DEMO_FILES = ("embeddings.f16.npy", "questions.f16.npy", "truth.i32.npy")
# A setting that another beats by so much in the first round, at no less recall, is not repeated.
BEATEN = 1.3


def parse_arguments() -> tuple[argparse.Namespace, list[str]]:
    """The options, and our program with its arguments: what comes after the first `--`."""
    given = sys.argv[1:]
    cut = given.index("--") if "--" in given else len(given)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("VECTOR_EXT_DATA") or None,
        help=f"folder with {', '.join(FILES)}; default: $VECTOR_EXT_DATA, else the bundled sample",
    )
    parser.add_argument("--results", type=Path, default=PROJECT / "benches/results", help="folder to write to")
    parser.add_argument("--name", help="of the result files; default: that of the data folder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3, help="at least so long for each measurement")
    parser.add_argument("--stop", type=float, default=0.9995, help="recall from which on a sweep is over")
    parser.add_argument("--metric", choices=["l2", "ip"], default="l2", help="of the libraries; ip for unit vectors")
    parser.add_argument("--peers", nargs="*", choices=[*PEERS], default=[*PEERS], help="libraries to run")
    parser.add_argument("--query-by-query", action="store_true", help="call the libraries once for each query")
    parser.add_argument("--build-threads", type=int, default=os.cpu_count(), help="of the libraries, for the rounds")
    parser.add_argument("--build", action="store_true", help="time building on 1 and on 2 threads as well")
    return parser.parse_args(given[:cut]), given[cut + 1 :]


def read_work(folder: Path | None, metric: str) -> Work:
    """Reads the vectors; without a folder, the bundled sample."""
    place, files = (folder, FILES) if folder else (PROJECT / "demo", DEMO_FILES)
    base, queries, truth = (np.load(place / file) for file in files)
    base, queries = (np.ascontiguousarray(part, np.float32) for part in (base, queries))
    lengths = np.linalg.norm(base[:1000], axis=1)
    unit = bool(np.allclose(lengths, 1, atol=5e-3))
    if metric == "ip" and not unit:
        sys.exit("--metric ip needs vectors of length 1: the truth is by L2")
    return Work(place.resolve().name, base, queries, np.ascontiguousarray(truth[:, :K]), metric, unit)


def time_builds(make: Callable[[], list[Engine]], work: Work, progress: tqdm) -> dict[str, list[Built]]:
    """Builds with each engine on 1 and on 2 threads, one index at a time."""
    builds: dict[str, list[Built]] = {}
    for engine in make():
        for threads in (1, 2):
            progress.set_description(f"build {engine.name}, threads {threads}")
            built = engine.build(work, threads)
            builds.setdefault(engine.name, []).append(built)
            engine.close()
            gc.collect()
            progress.update()
    return builds


def first_sweep(engine: Engine, work: Work, seconds: float, stop: float) -> list[Point]:
    """Climbs each ladder until recall is high enough."""
    points = []
    for ladder in engine.ladders():
        for setting in ladder:
            points.append(engine.measure(work, setting, seconds))
            if points[-1].recall >= stop:
                break
    return points


def worth_repeating(points: list[Point]) -> list[Setting]:
    """The settings that no other one clearly beats."""
    return [
        point.setting
        for point in points
        if not any(other.recall >= point.recall and other.rate > BEATEN * point.rate for other in points)
    ]


def run_round(measured: Measured, work: Work, arguments: argparse.Namespace) -> None:
    """One sweep of one engine, after searches that only warm it up."""
    engine = measured.engine
    if not measured.rounds:
        engine.measure(work, engine.ladders()[0][0], 0)
        points = first_sweep(engine, work, arguments.seconds, arguments.stop)
        measured.settings = worth_repeating(points)
        points = [point for point in points if point.setting in measured.settings]
    else:
        engine.measure(work, measured.settings[0], 0)
        points = [engine.measure(work, setting, arguments.seconds) for setting in measured.settings]
    measured.rounds.append(points)


def measure_all(engines: list[Engine], work: Work, arguments: argparse.Namespace, progress: tqdm) -> list[Measured]:
    """Builds every index, then lets the engines take turns."""
    measured = []
    for engine in engines:
        progress.set_description(f"build {engine.name}")
        threads = None if isinstance(engine, Ours) else arguments.build_threads
        measured.append(Measured(engine, engine.build(work, threads)))
        progress.update()
    for turn in range(arguments.rounds):
        for each in measured:
            progress.set_description(f"round {turn + 1}, {each.engine.name}")
            run_round(each, work, arguments)
            progress.update()
    return measured


def main() -> None:
    """Measures, and writes the report."""
    arguments, command = parse_arguments()
    work = read_work(arguments.data, arguments.metric)
    environment = dict(os.environ)
    if arguments.data:
        environment["VECTOR_EXT_DATA"] = str(arguments.data.resolve())

    def make() -> list[Engine]:
        ours = [Ours(command, environment)] if command else []
        return [*ours, *make_peers(arguments.peers, work, arguments.query_by_query)]

    engines = make()
    steps = len(engines) * (1 + arguments.rounds + (2 if arguments.build else 0))
    with tqdm(total=steps, file=sys.stderr) as progress:
        builds = time_builds(make, work, progress) if arguments.build else {}
        try:
            measured = measure_all(engines, work, arguments, progress)
        finally:
            for engine in engines:
                engine.close()
    print(write_report(measured, builds, work, arguments))


if __name__ == "__main__":
    main()
