"""Building: seconds, memory, size, log."""

from peers.engines.base import Built
from peers.work.bench import Bench, turns

Builds = dict[str, list[Built]]


def run(bench: Bench) -> Builds:
    """Each peer in turn, alone on the machine, so often as planned; the last index stays."""
    built: Builds = {}
    for turn in range(bench.plan.builds):
        for peer in turns(turn, bench.peers):
            bench.say(f"build {turn + 1}, {peer.name}")
            built.setdefault(peer.name, []).append(peer.build(bench.threads))
    return built
