"""A library in a process of its own: its memory can be told from the others', and it ends with it."""

import multiprocessing
import signal
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from peers.engines.base import Built, Search, Setting, Sweep, Timed
from peers.engines.library import Library
from peers.watch import Watcher, process_sample

# A fresh interpreter: nothing of this process' memory or threads.
CONTEXT = multiprocessing.get_context("spawn")


def serve(make: Callable[[], Library], pipe: Connection) -> None:
    """Runs in the child: answers (method, arguments) until the other end closes."""
    # Ctrl-C is for the parent, which closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    library = make()
    pipe.send((library.name, library.about, library.version, library.maps_files))
    while True:
        try:
            method, arguments = pipe.recv()
        except EOFError:
            break
        try:
            answer = getattr(library, method)(*arguments)
            pipe.send((answer, library.about, None))
        except Exception:
            pipe.send((None, library.about, traceback.format_exc()))
    getattr(library, "close", lambda: None)()


class Remote:
    """A peer whose library is elsewhere."""

    def __init__(self, make: Callable[[], Library]) -> None:
        self.pipe, theirs = CONTEXT.Pipe()
        self.process = CONTEXT.Process(target=serve, args=(make, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.name, self.about, self.version, self.maps_files = self.pipe.recv()

    def ask(self, method: str, *arguments: Any) -> Any:
        """What the method returned there."""
        self.pipe.send((method, arguments))
        answer, self.about, error = self.pipe.recv()
        if error:
            raise RuntimeError(f"{self.name}: {method} failed\n{error}")
        return answer

    def load(self, folder: Path) -> None:
        """Reads the set."""
        self.ask("load", folder)

    def build(self, threads: int) -> Built:
        """Builds, while the process is watched."""
        process = self.process.pid or 0
        self.ask("clear")
        with Watcher(lambda: process_sample([process], process if self.maps_files else None)) as watcher:
            began = time.perf_counter()
            self.ask("fill", threads)
            seconds = time.perf_counter() - began
        return Built(seconds, threads, watcher.peak, self.ask("stored_bytes"), watcher.cpu_seconds / seconds)

    def build_with(self, lists: int, threads: int) -> Built:
        """Builds with another number of lists than its own."""
        self.ask("use_lists", lists)
        built = self.build(threads)
        self.ask("use_lists", None)
        return built

    def sweeps(self) -> list[Sweep]:
        """What its searches are tried with."""
        return list(self.ask("sweeps"))

    def find(self, setting: Setting, search: Search) -> list[list[int]]:
        """The rows found."""
        return list(self.ask("find", setting, search))

    def time(self, setting: Setting, search: Search, seconds: float) -> Timed:
        """Timed over there, so that the pipe is no part of it."""
        timed: Timed = self.ask("time", setting, search, seconds)
        return timed

    def close(self) -> None:
        """Ends the process."""
        self.pipe.close()
        self.process.join(timeout=60)
        if self.process.is_alive():
            self.process.kill()
