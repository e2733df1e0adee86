"""Libraries called in process, one query at a time, on one thread."""

import ctypes
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers.engines.base import WIDTHS, Search, Setting, Sweep, Timed
from peers.truth import Floats

# Searches of a measurement, however slow they are.
LEAST = 50

# A search that is ready to run: the rows found.
Ready = Callable[[], Any]


class Library:
    """What the libraries share. Each lives in a process of its own (`remote.py`)."""

    name = ""
    about = ""
    version = ""
    # Whether memory that it maps from files is its index.
    maps_files = False
    index: Any = None

    def __init__(self) -> None:
        self.base: Floats = np.empty((0, 0), np.float32)
        self.questions: Floats = self.base
        self.columns: dict[str, NDArray[np.int32]] = {}
        self.measured = 0

    def load(self, folder: Path) -> None:
        """Reads the set into memory, before anything is measured."""
        self.base = np.load(folder / "base.npy")
        self.questions = np.load(folder / "questions.npy")
        with np.load(folder / "columns.npz") as columns:
            self.columns = dict(columns)

    def fill(self, threads: int) -> None:
        """Makes the index of all rows, in the place of one that is there."""
        raise NotImplementedError

    def clear(self) -> None:
        """Frees the index that is there, and gives its memory back to the system: a build is measured from there."""
        self.index = None
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)

    def stored_bytes(self) -> int:
        """The size of the index as the library would write it to a file."""
        raise NotImplementedError

    def sweeps(self) -> list[Sweep]:
        """Search widths, as all graphs have."""
        return [Sweep(tuple({"ef": width} for width in WIDTHS))]

    def apply(self, setting: Setting) -> None:
        """Sets what the next searches use."""
        raise NotImplementedError

    def prepare(self, question: Floats, search: Search) -> Ready:
        """The search for a question of shape (1, dims), ready to run: what prepares it is not timed."""
        raise NotImplementedError

    def ids(self, answer: Any) -> list[int]:
        """The rows of an answer; not timed either."""
        raise NotImplementedError

    def ready(self, setting: Setting, search: Search) -> list[Ready]:
        """All searches, ready to run."""
        self.apply(setting)
        return [self.prepare(self.questions[place : place + 1], search) for place in search.questions]

    def find(self, setting: Setting, search: Search) -> list[list[int]]:
        """The rows found for each question."""
        return [self.ids(run()) for run in self.ready(setting, search)]

    def time(self, setting: Setting, search: Search, seconds: float) -> Timed:
        """Questions in an order of their own each time, over and over until the time is up."""
        runs = self.ready(setting, search)
        self.measured += 1
        runs = [runs[place] for place in np.random.default_rng(self.measured).permutation(len(runs))]
        taken: list[float] = []
        began = now = time.perf_counter()
        while len(taken) < min(len(runs), LEAST) or now - began < seconds:
            runs[len(taken) % len(runs)]()
            later = time.perf_counter()
            taken.append(later - now)
            now = later
        return Timed.of(taken, now - began)
