"""Processes watched from outside while they build."""

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

INTERVAL = 0.05
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """What processes hold at one moment, and the CPU seconds of each so far."""

    resident: int
    cpu: dict[int, float]


class Watcher:
    """Samples in a thread of its own between entering and leaving."""

    def __init__(self, sample: Callable[[], Sample]) -> None:
        self.sample = sample
        self.first = sample()
        self.most = self.first.resident
        self.cpu = dict(self.first.cpu)
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    @property
    def peak(self) -> int:
        """The most bytes beyond those held at first."""
        return self.most - self.first.resident

    @property
    def cpu_seconds(self) -> float:
        """Of all processes, since the first sample; those that came later, from their start."""
        return sum(seconds - self.first.cpu.get(process, 0.0) for process, seconds in self.cpu.items())

    def run(self) -> None:
        """Looks again and again, and once more at the end."""
        while True:
            last = self.done.wait(INTERVAL)
            seen = self.sample()
            self.most = max(self.most, seen.resident)
            self.cpu |= seen.cpu
            if last:
                return

    def __enter__(self) -> "Watcher":
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.done.set()
        self.thread.join()


def process_sample(processes: Iterable[int], maps_files: int | None = None) -> Sample:
    """Private memory of all, and mapped files of the one that keeps its data so.

    A process that has gone meanwhile counts nothing.
    """
    resident, cpu = 0, {}
    for process in processes:
        try:
            status = Path(f"/proc/{process}/status").read_text()
            stat = Path(f"/proc/{process}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        sizes = dict(line.split(":", 1) for line in status.splitlines() if line.startswith("Rss"))
        keys = ("RssAnon", "RssFile") if process == maps_files else ("RssAnon",)
        resident += sum(int(sizes[key].split()[0]) * 1024 for key in keys)
        # After the name, which ends with the last parenthesis: state, 10 numbers, user, system.
        fields = stat.rpartition(") ")[2].split()
        cpu[process] = (int(fields[11]) + int(fields[12])) / TICKS
    return Sample(resident, cpu)


def shared_segments(processes: Iterable[int]) -> int:
    """Resident bytes of dynamic shared memory, each segment as the process sees it that touched most of it."""
    segments: dict[str, int] = {}
    for process in processes:
        path = ""
        try:
            lines = Path(f"/proc/{process}/smaps").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for line in lines:
            if "/dev/shm/PostgreSQL." in line:
                path = line[line.index("/dev/shm/") :]
            elif path and line.startswith("Rss:"):
                segments[path] = max(segments.get(path, 0), int(line.split()[1]) * 1024)
                path = ""
    return sum(segments.values())
