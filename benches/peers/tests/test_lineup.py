"""Who has a part in what."""

import pytest

from peers.engines.base import Sweep
from peers.lineup import DIVIDED, GRAPH, LINEUPS, LISTS, WORKS, Lineup
from peers.lists import few_and_many, root
from peers.options import some


@pytest.mark.parametrize("lineup", LINEUPS.values(), ids=[*LINEUPS])
def test_works_name_peers_that_there_are(lineup: Lineup) -> None:
    assert set(lineup.works) <= set(WORKS)
    assert {name for names in lineup.works.values() for name in names} <= set(lineup.names)
    assert set(lineup.generated) <= set(lineup.works)
    assert lineup.measured[-1] == "change"


def test_only_those_that_have_a_part_are_started() -> None:
    needed = LISTS.needed(("grow", "filtered"), LISTS.names, 384)
    assert needed == {"vector_ext", "pgvector_2sqrt", "vector_ext_hnsw"}
    assert LISTS.needed(("search",), ("faiss_ivf", "vector_ext"), 384) == {"faiss_ivf", "vector_ext"}
    assert set(DIVIDED) <= set(LISTS.names)
    assert GRAPH.needed(("search",), GRAPH.names, 3) == set(GRAPH.names) - {"faiss_ivfpqfs"}


def test_what_a_lineup_does_not_have_is_an_error() -> None:
    assert some(LISTS, LISTS.names, None) == LISTS.names
    assert some(LISTS, LISTS.names, ["faiss_ivf", "vector_ext"]) == ("vector_ext", "faiss_ivf")
    with pytest.raises(SystemExit, match="not hnswlib"):
        some(LISTS, LISTS.names, ["vector_ext", "hnswlib"])


def test_numbers_of_lists_follow_the_rows() -> None:
    assert (root(100_000), root(100_000, 2), root(1_000_000, 2)) == (316, 632, 2000)
    assert few_and_many(100_000) == (316, 4000)
    assert few_and_many(5_000) == (71, 200)


def test_short_sweeps_are_taken_whole() -> None:
    long = Sweep(tuple({"probes": count} for count in range(1, 11)))
    assert [setting["probes"] for setting in long.thinned(5)] == [1, 6]
    assert len(Sweep(long.settings[:3]).thinned(2)) == 3
