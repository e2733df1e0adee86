"""psycopg2: text only, parameters written into the statement, COPY as text."""

import io
from collections.abc import Iterator

import numpy as np
import psycopg2
import pytest
from pgvector import HalfVector, SparseVector, Vector
from pgvector.psycopg2 import register_vector
from psycopg2.extensions import connection
from psycopg2.extras import execute_values
from support import (
    BIT_OPERATORS,
    BITS,
    DATA,
    DIMS,
    FLOAT_OPERATORS,
    INDEX_QUERY,
    OPTIONS,
    ROWS,
    K,
    assert_distances,
    assert_means,
    assert_nearest,
    bit_text,
    index_of,
    nearest_id,
)

QUESTIONS = {
    "dense": (DATA.dense, DATA.question, Vector(DATA.question)),
    "half": (DATA.half, DATA.half_question, HalfVector(DATA.half_question)),
    "sparse": (DATA.sparse, DATA.sparse_question, SparseVector(DATA.sparse_question)),
}


@pytest.fixture(scope="module")
def loaded(database: str) -> Iterator[connection]:
    """A session whose table was filled half by COPY and half by one INSERT of many rows."""
    session = psycopg2.connect(dbname=database)
    register_vector(session)
    with session, session.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE items (id bigserial PRIMARY KEY, kind int, dense vector({DIMS}), half halfvec({DIMS}),"
            f" sparse sparsevec({DIMS}), bits bit({BITS}))"
        )
        rows = [
            (kind, Vector(dense), HalfVector(half), SparseVector(sparse), bit_text(bits))
            for kind, dense, half, sparse, bits in zip(
                DATA.kinds.tolist(), DATA.dense, DATA.half, DATA.sparse, DATA.bits, strict=True
            )
        ]
        middle = ROWS // 2
        texts = ((str(row[0]), *(value.to_text() for value in row[1:4]), row[4]) for row in rows[:middle])
        lines = ("\t".join(text) + "\n" for text in texts)
        cursor.copy_expert("COPY items (kind, dense, half, sparse, bits) FROM STDIN", io.StringIO("".join(lines)))
        execute_values(cursor, "INSERT INTO items (kind, dense, half, sparse, bits) VALUES %s", rows[middle:])
        cursor.execute("ANALYZE items")
    yield session
    session.close()


@pytest.fixture
def session(loaded: connection) -> Iterator[connection]:
    """The same session; what a test changes is undone."""
    yield loaded
    loaded.rollback()


def ask(session: connection, statement: str, *parameters: object) -> list[tuple]:
    """The rows of a statement."""
    with session.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall()


def test_values_come_back_as_they_were_sent(session: connection) -> None:
    rows = ask(session, "SELECT dense, half, sparse, bits FROM items ORDER BY id")
    assert np.array_equal([row[0].to_numpy() for row in rows], DATA.dense)
    assert np.array_equal([row[1].to_numpy() for row in rows], DATA.half)
    assert np.array_equal([row[2].to_numpy() for row in rows], DATA.sparse)
    assert [row[3] for row in rows] == [bit_text(bits) for bits in DATA.bits]


@pytest.mark.parametrize("column", QUESTIONS)
@pytest.mark.parametrize("operator", FLOAT_OPERATORS)
def test_distances_without_an_index(session: connection, operator: str, column: str) -> None:
    rows, question, asked = QUESTIONS[column]
    found = ask(session, f"SELECT {column} {operator} %s FROM items ORDER BY id", asked)
    assert_distances((row[0] for row in found), operator, rows, question)


@pytest.mark.parametrize("operator", BIT_OPERATORS)
def test_distances_of_bits(session: connection, operator: str) -> None:
    escaped = operator.replace("%", "%%")
    found = ask(session, f"SELECT bits {escaped} %s FROM items ORDER BY id", bit_text(DATA.bit_question))
    assert_distances((row[0] for row in found), operator, DATA.bits, DATA.bit_question)


@pytest.mark.parametrize(("operator", "name"), [("<->", "l2"), ("<#>", "ip"), ("<=>", "cosine"), ("<+>", "l1")])
@pytest.mark.parametrize(("column", "type_name"), [("dense", "vector"), ("half", "halfvec"), ("sparse", "sparsevec")])
def test_each_index_answers_its_operator(
    session: connection, column: str, type_name: str, operator: str, name: str
) -> None:
    operator_class = f"{type_name}_{name}_ops"
    with session.cursor() as cursor:
        cursor.execute(
            f"CREATE INDEX items_index ON items USING hnsw ({column} {operator_class})"
            " WITH (m = 12, ef_construction = 80)"
        )
    assert ask(session, INDEX_QUERY.format("items_index")) == [("hnsw", operator_class, OPTIONS)]
    rows, question, asked = QUESTIONS[column]
    # Without a cast the parameter is a literal of unknown type, which takes the column's.
    statement = f"SELECT id FROM items ORDER BY {column} {operator} %s LIMIT {K}"
    [[plan]] = ask(session, f"EXPLAIN (FORMAT JSON) {statement}", asked)
    assert index_of(plan) == "items_index"
    assert_nearest([row[0] for row in ask(session, statement, asked)], operator, rows, question)


def test_a_filter_keeps_its_kind_and_fills_the_limit(session: connection) -> None:
    with session.cursor() as cursor:
        cursor.execute("CREATE INDEX ON items USING hnsw (dense vector_l2_ops)")
    statement = "SELECT id FROM items WHERE kind = %s ORDER BY dense <-> %s LIMIT 10"
    found = ask(session, statement, 3, Vector(DATA.question))
    assert_nearest([row[0] for row in found], "<->", DATA.dense, DATA.question, kind=3)


def test_a_server_side_cursor_reads_the_index_in_parts(session: connection) -> None:
    with session.cursor() as cursor:
        cursor.execute("CREATE INDEX ON items USING hnsw (dense vector_l2_ops)")
        cursor.execute("SET LOCAL enable_seqscan = off")
    with session.cursor("parts") as cursor:
        cursor.itersize = 3
        cursor.execute("SELECT id FROM items ORDER BY dense <-> %s", (Vector(DATA.question),))
        found = [next(cursor)[0] for _ in range(K)]
    assert_nearest(found, "<->", DATA.dense, DATA.question)


def test_aggregates(session: connection) -> None:
    [(mean, total)] = ask(session, "SELECT avg(dense), sum(dense) FROM items WHERE kind = 2")
    assert_means(mean.to_numpy(), total.to_numpy(), 2)


def test_updated_and_deleted_rows_change_the_answer(session: connection) -> None:
    nearest = "SELECT id FROM items ORDER BY dense <=> %s LIMIT 2"
    question = Vector(DATA.question)
    before = nearest_id()
    moved = before % ROWS + 1
    with session.cursor() as cursor:
        cursor.execute("CREATE INDEX ON items USING hnsw (dense vector_cosine_ops)")
        cursor.execute("UPDATE items SET dense = %s WHERE id = %s", (Vector(3 * DATA.question), moved))
        assert [row[0] for row in ask(session, nearest, question)] == [moved, before]
        cursor.execute("DELETE FROM items WHERE id = %s", (moved,))
    assert ask(session, nearest, question)[0] == (before,)


def test_a_rolled_back_row_is_not_found(session: connection) -> None:
    nearest = "SELECT id FROM items ORDER BY dense <=> %s LIMIT 1"
    inserted = ask(session, "INSERT INTO items (dense) VALUES (%s) RETURNING id", Vector(DATA.question))
    assert ask(session, nearest, Vector(DATA.question)) == inserted
    session.rollback()
    assert ask(session, nearest, Vector(DATA.question)) == [(nearest_id(),)]


def test_an_error_has_its_state_and_the_session_goes_on(session: connection) -> None:
    with pytest.raises(psycopg2.errors.DataException, match="expected 24 dimensions, not 2"):
        ask(session, "INSERT INTO items (dense) VALUES (%s) RETURNING id", Vector([1, 2]))
    session.rollback()
    assert ask(session, "SELECT count(*) FROM items") == [(ROWS,)]
