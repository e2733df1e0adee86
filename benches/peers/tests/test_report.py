"""That the page says who is ahead."""

import pytest

from peers.engines.base import Built, Timed
from peers.report.compare import all_compared, best, rates_at
from peers.report.markdown import number, spread, table
from peers.report.page import beside, missed
from peers.work.filtered import Answered, Case
from peers.work.results import SetResult
from peers.work.search import Point, Searched


def timed(rate: float) -> Timed:
    """A measurement of which only the rate matters."""
    return Timed(rate, 1.0, 2.0, 3.0, 100)


def result() -> SetResult:
    """Ours is faster than pgvector and builds slower; hnswlib finds what we do not."""
    curves = {
        "vector_ext": [Point({"ef_search": 40}, 0.96, [timed(1000), timed(800)])],
        "pgvector": [Point({"ef_search": 40}, 0.96, [timed(100), timed(80)])],
        "hnswlib": [Point({"ef": 40}, 0.995, [timed(500), timed(500)])],
    }
    built = {"vector_ext": [Built(9, 2, 100, 100, 2, 50)], "pgvector": [Built(3, 2, 200, 100, 2, 50)]}
    return SetResult("set", 100, 8, 10, search=Searched(10, curves, {}, {}), build=built)


def test_ratio_is_above_one_where_ours_is_better() -> None:
    ratios = {(each.what, each.peer): each.ratio.middle for each in all_compared(result())}
    assert ratios["queries/s at recall 0.95, one client", "pgvector"] == pytest.approx(10)
    assert ratios["build, s", "pgvector"] == pytest.approx(1 / 3)
    assert ratios["build, peak memory, MB", "pgvector"] == pytest.approx(2)


def test_page_names_what_a_peer_does_better() -> None:
    text = "\n".join(beside(result()))
    ahead = text.split("Where a peer is ahead")[1]
    assert "- **build, s** (vector_ext 9.00): pgvector 3.00, 0.33x" in ahead
    assert "peak memory" not in ahead
    assert missed(result()) == ["recall 0.99 without filter: reached by hnswlib, not by vector_ext"]


def test_rounds_that_disagree_make_nobody_ahead() -> None:
    points = [Point({"ef_search": 40}, 0.96, [timed(110), timed(90)])]
    against = [Point({"ef_search": 40}, 0.96, [timed(100), timed(100)])]
    level = SetResult("set", 9, 8, 9, search=Searched(9, {"vector_ext": points, "pgvector": against}, {}, {}))
    assert [(each.level, each.behind) for each in all_compared(level)] == [(True, False)]


def test_filters_that_only_a_peer_answers_are_named() -> None:
    answers = {
        "vector_ext strict": [Answered(40, 0.8, 10, "hnsw", [timed(100)])],
        "pgvector strict": [Answered(40, 0.97, 10, "hnsw", [timed(10)])],
    }
    filtered = SetResult("set", 100, 8, 10, filtered=[Case("random", 1, 0.01, 100, 900, answers)])
    assert missed(filtered) == [
        "recall 0.95 behind a filter of 1 %, random, one condition: reached by pgvector, not by vector_ext"
    ]


def test_best_answer_is_the_fastest_that_finds_enough() -> None:
    wide, narrow = Answered(400, 0.99, 10, "", [timed(10)]), Answered(100, 0.96, 10, "", [timed(50)])
    assert best([wide, narrow, Answered(40, 0.9, 10, "", [timed(90)])], 0.95) is narrow
    assert best([narrow], 0.99) is None


def test_rate_at_a_recall_is_taken_round_by_round() -> None:
    points = [Point({}, 0.9, [timed(1000), timed(500)]), Point({}, 1.0, [timed(10), timed(5)])]
    assert rates_at(points, 0.95) == pytest.approx([100, 50])


def test_numbers_are_readable() -> None:
    assert [number(value) for value in (12345.6, 45.67, 4.567, 0.04567)] == ["12,346", "45.7", "4.57", "0.046"]
    assert table(["", "x"], [["a", "1"]]) == "|  | x |\n| --- | ---: |\n| a | 1 |"


def test_spread_is_left_out_where_there_is_none() -> None:
    (each,) = [each for each in all_compared(result()) if each.what == "index, MB"]
    assert "to" not in spread(each.ours)
