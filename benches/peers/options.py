"""What a run does, from the command line; `make bench-peers` passes its variables on."""

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path

from peers import PROJECT
from peers.lineup import GRAPH, LINEUPS, WORKS, Lineup

SELECTIVITIES = (0.5, 0.2, 0.1, 0.04, 0.01, 0.001, 0.0001)


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rows: int
    # Rows, and dimensions, of generated sets, which get some of the works.
    generated_rows: int
    generated_dims: tuple[int, ...]
    questions: int
    filtered_questions: int
    cold_questions: int
    rounds: int
    builds: int
    # Of one measurement: of a server, which pgbench takes whole, and of a library.
    seconds: int
    library_seconds: float
    # Of the settings of a sweep every n-th is taken.
    step: int
    clients: tuple[int, ...]
    selectivities: tuple[float, ...]
    filtered_rounds: int
    inserts: int
    # Of the widths of a filtered search the first few are taken.
    filtered_steps: int = 3


FULL = Plan(
    rows=100_000,
    generated_rows=50_000,
    generated_dims=(128, 768, 1536),
    questions=1000,
    filtered_questions=50,
    cold_questions=100,
    rounds=5,
    builds=3,
    seconds=1,
    library_seconds=0.5,
    step=1,
    clients=(1, 2, 4, 8),
    selectivities=SELECTIVITIES,
    filtered_rounds=2,
    inserts=1000,
)
QUICK = Plan(
    rows=5_000,
    generated_rows=2_000,
    generated_dims=(128,),
    questions=200,
    filtered_questions=40,
    cold_questions=20,
    rounds=2,
    builds=1,
    seconds=1,
    library_seconds=0.2,
    step=5,
    clients=(1, 4),
    selectivities=(0.1, 0.001),
    filtered_rounds=1,
    inserts=200,
    filtered_steps=1,
)


@dataclass(frozen=True)
class Options:
    """All that can be chosen."""

    plan: Plan
    lineup: Lineup
    quick: bool
    data: Path | None
    name: str
    results: Path
    works: tuple[str, ...]
    peers: tuple[str, ...]
    generated_alone: bool
    server: Path
    library: Path

    @property
    def generated(self) -> Plan:
        """Of generated sets: fewer settings, and fewer rounds."""
        return replace(self.plan, rounds=min(self.plan.rounds, 3), builds=1, step=max(self.plan.step, 2))

    @property
    def command(self) -> str:
        """What was asked for, to be read, not run: no paths."""
        whole = QUICK if self.quick else FULL
        words = ["make bench-peers"]
        if self.quick:
            words.append("QUICK=1")
        if self.lineup != GRAPH:
            words.append(f"METHOD={self.lineup.method}")
        if self.plan.rows != whole.rows:
            words.append(f"N={self.plan.rows}")
        if self.plan.rounds != whole.rounds:
            words.append(f"ROUNDS={self.plan.rounds}")
        if self.plan.generated_dims != whole.generated_dims:
            words.append(f"DIMS='{' '.join(map(str, self.plan.generated_dims))}'")
        if self.generated_alone:
            words.append("GENERATED=1")
        if self.works != self.lineup.measured:
            words.append(f"WORK='{' '.join(self.works)}'")
        if self.peers != self.lineup.names:
            words.append(f"PEERS='{' '.join(self.peers)}'")
        return " ".join(words)


def names_of_all() -> list[str]:
    """Peers of all lineups."""
    return [*dict.fromkeys(name for lineup in LINEUPS.values() for name in lineup.names)]


def chosen() -> argparse.Namespace:
    """The command line, as argparse has it."""
    parser = argparse.ArgumentParser(prog="bench-peers", description=__doc__)
    parser.add_argument("--server", type=Path, required=True, help="pg_config of a PostgreSQL with genuine pgvector")
    parser.add_argument("--library", type=Path, required=True, help="vector_ext.so for it")
    parser.add_argument("--quick", action="store_true", help="a look in five minutes, no figures to quote")
    parser.add_argument("--rows", type=int, help="rows of each set")
    parser.add_argument("--dims", type=int, nargs="*", help="of generated sets")
    parser.add_argument("--generated", action="store_true", help="generated sets alone")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--method", choices=[*LINEUPS], default=GRAPH.method, help="access method of the servers")
    parser.add_argument("--works", nargs="*", choices=WORKS)
    parser.add_argument("--peers", nargs="*", choices=names_of_all())
    parser.add_argument("--name", help="of the main set in the results")
    parser.add_argument("--results", type=Path, help="folder to write to")
    return parser.parse_args()


def some(lineup: Lineup, known: tuple[str, ...], wanted: list[str] | None) -> tuple[str, ...]:
    """Those of a lineup that are wanted, in its order; all where nothing is said."""
    if wanted is None:
        return known
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise SystemExit(f"bench-peers: {lineup.method} has {', '.join(known)}, not {', '.join(unknown)}")
    return tuple(name for name in known if name in wanted)


def parse() -> Options:
    """The options of a run."""
    given = chosen()
    lineup = LINEUPS[given.method]
    plan = QUICK if given.quick else FULL
    changes: dict[str, object] = {}
    if given.rows:
        changes |= {"rows": given.rows, "generated_rows": given.rows}
    if given.dims is not None:
        changes |= {"generated_dims": tuple(given.dims)}
    if given.rounds:
        changes |= {"rounds": given.rounds}
    folder = os.environ.get("VECTOR_EXT_DATA")
    return Options(
        plan=Plan(**{**vars(plan), **changes}),
        lineup=lineup,
        quick=given.quick,
        data=Path(folder) if folder else None,
        name=given.name or "embeddings",
        results=given.results or PROJECT / ("target/bench-peers" if given.quick else "benches/results"),
        works=some(lineup, lineup.measured, given.works),
        peers=some(lineup, lineup.names, given.peers),
        generated_alone=given.generated,
        server=given.server,
        library=given.library,
    )
