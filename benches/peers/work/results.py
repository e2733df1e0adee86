"""The figures of a run."""

from dataclasses import dataclass, field

from peers.machine import Machine
from peers.options import Plan
from peers.work.build import Builds
from peers.work.change import Changed
from peers.work.clients import Row
from peers.work.cold import Cold
from peers.work.filtered import Case
from peers.work.grow import Grown
from peers.work.memory import Limited
from peers.work.search import Searched
from peers.work.story import Told


@dataclass(frozen=True)
class About:
    """What a peer is."""

    name: str
    version: str
    about: str


@dataclass
class SetResult:
    """What was measured on one set; None where it was not asked for."""

    name: str
    rows: int
    dims: int
    questions: int
    peers: list[About] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    build: Builds | None = None
    search: Searched | None = None
    clients: list[Row] | None = None
    filtered: list[Case] | None = None
    cold: list[Cold] | None = None
    story: list[Told] | None = None
    change: list[Changed] | None = None
    memory: list[Limited] | None = None
    grow: list[Grown] | None = None


@dataclass
class Run:
    """All of it."""

    command: str
    quick: bool
    plan: Plan
    machine: Machine
    server: str
    sets: list[SetResult]
    load_after: float = 0.0
    minutes: float = 0.0
    # The access method of the servers.
    method: str = "hnsw"
