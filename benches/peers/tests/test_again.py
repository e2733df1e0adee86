"""A page that is written anew."""

import json
from dataclasses import asdict
from pathlib import Path

from peers.engines.base import Timed
from peers.machine import Machine
from peers.options import FULL
from peers.report import write
from peers.report.__main__ import read
from peers.tests.test_report import result
from peers.work.clients import Row
from peers.work.filtered import Answered, Case
from peers.work.results import About, Run


def test_figures_read_back_give_the_same_page(tmp_path: Path) -> None:
    machine = Machine("CPU", 2, "Linux", 2**34, "3.11", "2026-01-01", 0.5, {"numpy": "2"})
    timed = Timed(100.5, 1.0, 2.0, 3.0, 50, 0.25)
    measured = result()
    measured.peers = [About("vector_ext", "0.1.0", "hnsw; PostgreSQL 16.14")]
    measured.clients = [
        Row("vector_ext", 0.95, {"ef_search": 40, "iterative_scan": "off"}, 0.96, {1: [timed], 8: [timed]})
    ]
    answers = {"vector_ext strict": [Answered(40, 0.8, 9.5, "hnsw", [timed])], "qdrant": []}
    measured.filtered = [Case("random", 1, 0.01, 100, 900.0, answers)]
    run = Run("make bench-peers", True, FULL, machine, "PostgreSQL 16.14", [measured])
    page = Path(write(run, tmp_path))
    text, figures = page.read_text(), page.with_suffix(".json").read_text()
    assert json.loads(figures) == json.loads(json.dumps(asdict(run)))
    assert write(read(page.with_suffix(".json")), tmp_path) == str(page)
    assert page.read_text() == text
    assert json.loads(page.with_suffix(".json").read_text()) == json.loads(figures)
    assert "## Filters" in text
