"""pgbench as the client: native, PostgreSQL's own, the same program for both servers.

Statements are prepared. Questions are rows of a table, fetched by primary key within the statement,
so that no vector is printed or parsed on the way.
"""

import resource
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peers.engines.base import Setting, Timed
from peers.machine import cores
from peers.postgres.cluster import Cluster

# First statements of a client: they load the library and plan; the sixth has the plan that stays.
FIRST = 6


@dataclass(frozen=True)
class Script:
    """What each client runs again and again."""

    text: str
    variables: Mapping[str, int]


@dataclass(frozen=True)
class Effort:
    """How many clients, and how long: seconds, or a number of statements for each client."""

    clients: int
    seconds: int | None = None
    # What comes in so many seconds before that is not counted.
    warm: int = 0
    statements: int | None = None
    # Both servers are asked the same of a seed.
    seed: int = 1

    def arguments(self) -> list[str]:
        """As pgbench takes it. Not more threads than cores."""
        until = ["-T", str(self.warm + self.seconds)] if self.seconds else ["-t", str(self.statements)]
        threads = min(self.clients, cores())
        return ["-c", str(self.clients), "-j", str(threads), f"--random-seed={self.seed}", *until]


def run(cluster: Cluster, script: Script, options: Setting, effort: Effort) -> Timed:
    """Rate and latencies, without the first statements of each client."""
    with tempfile.TemporaryDirectory(prefix="bench-pgbench-") as folder:
        path = Path(folder) / "script.sql"
        path.write_text(script.text)
        variables = [f"-D{name}={value}" for name, value in script.variables.items()]
        command: list[str | Path] = [
            cluster.installation.bin / "pgbench",
            *("-n", "-M", "prepared", "-f", path, "-l", "--log-prefix=log"),
            *effort.arguments(),
            *variables,
        ]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            command, cwd=folder, env=cluster.environment(options), capture_output=True, text=True, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise RuntimeError(f"pgbench failed:\n{done.stderr}\n{script.text}")
        log = np.vstack([read_log(file) for file in Path(folder).glob("log.*")])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return summarize(log, cpu, effort.warm)


def read_log(file: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Rows of client, its how-many-th statement, end and length in seconds."""
    columns = np.loadtxt(file, usecols=(0, 1, 2, 4, 5), ndmin=2, dtype=np.float64)
    if columns.size == 0:
        return np.empty((0, 4))
    ends = columns[:, 3] + columns[:, 4] / 1e6
    return np.column_stack([columns[:, 0], columns[:, 1], ends, columns[:, 2] / 1e6])


def summarize(log: np.ndarray[tuple[int, int], np.dtype[np.float64]], cpu: float, warm: float = 0) -> Timed:
    """What the log tells of statements after each client's first, and after some seconds; of short runs, of
    all but one."""
    if len(log) == 0:
        raise RuntimeError("pgbench ran no statement")
    lasts = {client: log[log[:, 0] == client, 1].max() for client in np.unique(log[:, 0])}
    first = min(FIRST, int(min(lasts.values())) // 2)
    starts = log[:, 2] - log[:, 3]
    late = log[:, 1] > first
    warmed = late & (starts >= starts.min() + warm)
    kept = log[warmed if warmed.any() else late]
    elapsed = float(kept[:, 2].max() - (kept[:, 2] - kept[:, 3]).min())
    whole = float(log[:, 2].max() - (log[:, 2] - log[:, 3]).min())
    return Timed.of(kept[:, 3].tolist(), elapsed, cpu / max(whole, 1e-9))
