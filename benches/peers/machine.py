"""What the figures hang on: the machine and the versions, without names of hosts or people."""

import os
import platform
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("faiss-cpu", "hnswlib", "usearch", "qdrant-edge-py", "numpy", "psycopg")


@dataclass(frozen=True)
class Machine:
    """The machine on the day of the run."""

    cpu: str
    cores: int
    kernel: str
    memory_bytes: int
    python: str
    date: str
    load_before: float
    libraries: dict[str, str]

    @staticmethod
    def read() -> "Machine":
        """Of the machine at hand."""
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        return Machine(
            cpu=cpu_model(),
            cores=cores(),
            kernel=f"{platform.system()} {platform.release()}",
            memory_bytes=pages * size,
            python=platform.python_version(),
            date=date.today().isoformat(),
            load_before=round(os.getloadavg()[0], 2),
            libraries={name: version(name) for name in LIBRARIES},
        )


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def cpu_model() -> str:
    """As the kernel has it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine() or "unknown CPU")
