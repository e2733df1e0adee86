"""What is sent to servers, and what is read from their client."""

import struct
from pathlib import Path

import numpy as np

from peers.engines.base import Search
from peers.filters import Condition
from peers.postgres.copying import HEADER, TRAILER, binary_rows
from peers.postgres.index import hnsw, pgvector_lists, vector_ext_lists
from peers.postgres.pgbench import FIRST, read_log, summarize
from peers.postgres.server import Server, asking, condition
from peers.work.bench import interleaved, turns


def test_binary_rows_are_as_copy_takes_them() -> None:
    vectors = np.asarray([[1.5, -2.0, 0.25]], np.float32)
    blocks = list(binary_rows({"id": np.asarray([7], np.int32), "n": np.asarray([-1], np.int32)}, vectors))
    row = struct.pack(">h ii ii i hh fff", 3, 4, 7, 4, -1, 16, 3, 0, 1.5, -2.0, 0.25)
    assert b"".join(blocks) == HEADER + row + TRAILER
    assert len(HEADER) == 19


def test_log_is_read_as_pgbench_writes_it(tmp_path: Path) -> None:
    log = tmp_path / "log.1"
    log.write_text("0 1 250 0 1700000000 500000\n3 2 1250 0 1700000001 0\n")
    rows = read_log(log)
    assert rows[:, 0].tolist() == [0, 3]
    assert np.allclose(rows[:, 3], [0.00025, 0.00125])
    assert rows[1, 2] - rows[0, 2] == 0.5


def test_first_statements_of_each_client_do_not_count() -> None:
    # Two clients; the first statements take a second each, the others a tenth.
    rows = []
    for client in (0, 1):
        end = 0.0
        for number in range(1, 27):
            length = 1.0 if number <= FIRST else 0.1
            end += length
            rows.append([client, number, end, length])
    timed = summarize(np.asarray(rows), cpu=4.0)
    assert timed.queries == 40
    assert np.isclose(timed.rate, 20)
    assert np.isclose(timed.p99, 100)
    assert np.isclose(timed.client_cores or 0, 0.5)


def test_what_comes_while_a_session_warms_up_does_not_count() -> None:
    # Half a second each at first, then a tenth.
    rows, end = [], 100.0
    for number in range(1, 41):
        length = 0.5 if number <= 2 * FIRST else 0.1
        end += length
        rows.append([0, number, end, length])
    timed = summarize(np.asarray(rows), cpu=1.0, warm=FIRST)
    assert timed.queries == 28
    assert np.isclose(timed.rate, 10)
    assert np.isclose(timed.p99, 100)
    # One that is slower than that counts as it is.
    assert summarize(np.asarray([[0, 1, 1.0, 1.0], [0, 2, 2.0, 1.0]]), cpu=0, warm=5).queries == 1


def test_short_runs_keep_some_statements() -> None:
    assert summarize(np.asarray([[0, 1, 1.0, 1.0]]), cpu=0).queries == 1
    assert summarize(np.asarray([[0, 1, 1.0, 1.0], [0, 2, 2.0, 1.0]]), cpu=0).queries == 1


def test_conditions_become_literals() -> None:
    assert condition(()) == ""
    assert condition((Condition("a", 5), Condition("b", 7))) == " WHERE a < 5 AND b < 7"


def test_planner_is_bound_only_where_nothing_is_filtered() -> None:
    server = object.__new__(Server)
    server.index = hnsw(100)
    assert "enable_seqscan" in server.options({"ef_search": 40}, Search((0,), 10))
    assert server.options({"ef_search": 40}, Search((0,), 10, (Condition("a", 5),))) == {"hnsw.ef_search": 40}


def test_an_index_is_made_and_set_as_its_method_has_it() -> None:
    theirs, chosen = pgvector_lists(2, 100_000), vector_ext_lists(0, 100_000)
    using = "ON grown USING ivfflat (embedding vector_cosine_ops)"
    assert theirs.create("grown") == f"CREATE INDEX grown_embedding {using} WITH (lists = 632)"
    assert chosen.create("grown") == f"CREATE INDEX grown_embedding {using}"
    assert chosen.with_lists(4000).create("grown").endswith("WITH (lists = 4000)")
    assert chosen.session({"probes": 0, "target_recall": 0.95}) == {
        "ivfflat.probes": 0,
        "ivfflat.target_recall": 0.95,
    }
    assert [sweep.name for sweep in chosen.sweeps] == ["", "target_recall"]
    # pgvector takes no fewer than one probe, and has no strict order for lists.
    assert min(theirs.filtered_widths) > 0
    assert all(way["iterative_scan"] != "strict_order" for way in theirs.filtered.values())


def test_questions_are_chosen_from_those_listed() -> None:
    assert asking((0, 1, 2)) == "\\set question random(0, 2)\n"
    assert "when :place = 1 then 9" in asking((4, 9))


def test_sides_take_turns() -> None:
    assert turns(0, "AB") == ["A", "B"]
    assert turns(1, "AB") == ["B", "A"]
    assert interleaved(["AB", "x", ""]) == ["A", "x", "B"]
