"""That tables of lists say what was measured."""

import pytest

from peers.engines.base import Built, Timed
from peers.figures import Pair, recall_at
from peers.report.lists import grow_section, memory_section, pairs_section
from peers.work.grow import BUILT, GROWN, Grown, Step, at_equal_rate
from peers.work.memory import Limited
from peers.work.results import SetResult
from peers.work.search import Point, Searched


def points(*known: tuple[float, float]) -> list[Point]:
    """Recalls with rates, of one round."""
    return [
        Point({"probes": place}, recall, [Timed(rate, 1.0, 2.0, 3.0, 100)])
        for place, (recall, rate) in enumerate(known, 1)
    ]


def grown() -> Grown:
    """One that finds less at the same rates than the built one."""
    curves = {BUILT: points((0.9, 1000), (1.0, 10)), GROWN: points((0.8, 1000), (0.9, 10))}
    step = Step(rows=100, insert_seconds=2.0, insert_wal=5000, vacuum_seconds=0.5, vacuum_wal=0, index_bytes=2 << 20)
    return Grown("vector_ext", "made on an empty table", 1 << 20, [step, step], curves)


def test_recall_at_a_rate_lies_between_its_neighbours() -> None:
    known = [Pair(0.9, 1000), Pair(1.0, 10)]
    assert recall_at(known, 100) == pytest.approx(0.95)
    assert recall_at(known, 1000) == 0.9
    assert recall_at(known, 2000) is None
    assert recall_at(known, 1) == 1.0


def test_growing_is_told_at_equal_rates() -> None:
    side = grown()
    # The built one finds 0.95 at 100 queries a second, where the grown one finds 0.85.
    assert at_equal_rate(side, 0.95) == pytest.approx(0.85)
    section = grow_section(SetResult("set", 200, 8, 10, grow=[side]))
    assert "| vector_ext, made on an empty table | 0.95 | 100 | - | - | 0.8500 |" in section
    assert "| vector_ext, made on an empty table | 50.0 | 50.0 | 0.500 | 0.000 | 2.00 / 1.00 |" in section
    assert "| vector_ext, made on an empty table | probes 2 | 0.9000 | 1.0000 | 10.0 | 10.0 |" in section


def test_a_build_that_is_refused_says_why() -> None:
    built = Built(9, 2, 1 << 20, 1 << 20, 2, 1 << 20)
    rows = [Limited("pgvector_2sqrt", 4000, "64MB", refused="memory required is 99 MB"), Limited("faiss", 316)]
    rows[1].rounds.append(built)
    section = memory_section(SetResult("set", 200, 8, 10, memory=rows))
    assert "| pgvector_2sqrt | 4,000 | 64MB | refused: memory required is 99 MB | - | - | - | - |" in section
    assert "| faiss | 316 | - | 9.00 | 2.00 | 1.00 | 1.00 | 1.00 |" in section


def test_lists_are_paired_by_their_number() -> None:
    curves = {
        "vector_ext": points((0.96, 900)),
        "vector_ext_sqrt": points((0.96, 400)),
        "pgvector_sqrt": points((0.96, 100)),
        "pgvector_2sqrt": points((0.96, 100)),
    }
    section = pairs_section(SetResult("set", 200, 8, 10, search=Searched(10, curves, {}, {})))
    assert "| vector_ext_sqrt, pgvector_sqrt | 0.95 | 400 | 100 | 4.00x |" in section
    assert "vector_ext_2sqrt" not in section
    assert "| vector_ext | 9.00x | 9.00x | - | - |" in section
