"""What every kind of work needs to know."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

from peers.data import Dataset
from peers.engines.base import Peer
from peers.options import Plan
from peers.postgres.server import Server

K = 10
T = TypeVar("T")


@dataclass(frozen=True)
class Bench:
    """One set, loaded into each peer."""

    plan: Plan
    data: Dataset
    servers: list[Server]
    libraries: list[Peer]
    threads: int
    # Tells the user what is going on.
    say: Callable[[str], None]

    @property
    def peers(self) -> list[Peer]:
        """All of them, servers first."""
        return [*self.servers, *self.libraries]

    def of(self, names: Sequence[str]) -> "Bench":
        """The same with these peers alone."""
        servers = [server for server in self.servers if server.name in names]
        libraries = [peer for peer in self.libraries if peer.name in names]
        return replace(self, servers=servers, libraries=libraries)

    def all_questions(self) -> tuple[int, ...]:
        """By number."""
        return tuple(range(len(self.data.questions)))


def turns(round_: int, sides: Sequence[T]) -> list[T]:
    """Who measures when in a round: A B, then B A, so that no side always follows the same one."""
    return list(sides) if round_ % 2 == 0 else list(reversed(sides))


def interleaved(columns: Sequence[Sequence[T]]) -> list[T]:
    """The first of each, then the second of each, as long as there are any."""
    longest = max((len(column) for column in columns), default=0)
    return list(
        chain.from_iterable([column[place] for column in columns if place < len(column)] for place in range(longest))
    )
