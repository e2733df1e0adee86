"""psycopg 3, with types registered by the pgvector package: text and binary, COPY, arrays."""

from collections.abc import Iterator

import numpy as np
import psycopg
import pytest
from pgvector import Bit, HalfVector, SparseVector, Vector
from pgvector.psycopg import register_vector
from psycopg import errors
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

Session = psycopg.Connection[tuple]
COLUMNS = {
    "dense": (DATA.dense, Vector(DATA.question)),
    "half": (DATA.half, HalfVector(DATA.half_question)),
    "sparse": (DATA.sparse, SparseVector(DATA.sparse_question)),
}
QUESTIONS = {"dense": DATA.question, "half": DATA.half_question, "sparse": DATA.sparse_question}
CLASSES = {
    ("dense", "<->"): "vector_l2_ops",
    ("dense", "<#>"): "vector_ip_ops",
    ("dense", "<=>"): "vector_cosine_ops",
    ("dense", "<+>"): "vector_l1_ops",
    ("half", "<=>"): "halfvec_cosine_ops",
    ("sparse", "<#>"): "sparsevec_ip_ops",
    ("bits", "<~>"): "bit_hamming_ops",
    ("bits", "<%>"): "bit_jaccard_ops",
}


@pytest.fixture(scope="module")
def loaded(database: str) -> Iterator[Session]:
    """A session whose table was filled by binary COPY."""
    with psycopg.connect(dbname=database, autocommit=True) as session:
        register_vector(session)
        session.execute(
            f"CREATE TABLE items (id bigserial PRIMARY KEY, kind int, dense vector({DIMS}), half halfvec({DIMS}),"
            f" sparse sparsevec({DIMS}), bits bit({BITS}))"
        )
        copied = "COPY items (kind, dense, half, sparse, bits) FROM STDIN WITH (FORMAT BINARY)"
        with session.cursor() as cursor, cursor.copy(copied) as copy:
            copy.set_types(["int4", "vector", "halfvec", "sparsevec", "bit"])
            for kind, dense, half, sparse, bits in zip(
                DATA.kinds.tolist(), DATA.dense, DATA.half, DATA.sparse, DATA.bits, strict=True
            ):
                copy.write_row((kind, Vector(dense), HalfVector(half), SparseVector(sparse), Bit(bits)))
        session.execute("ANALYZE items")
        yield session


@pytest.fixture
def session(loaded: Session) -> Iterator[Session]:
    """The same session; what a test changes is undone."""
    with loaded.transaction(force_rollback=True):
        yield loaded


@pytest.mark.parametrize("binary", [False, True])
def test_values_come_back_as_they_were_sent(session: Session, binary: bool) -> None:
    cursor = session.cursor(binary=binary)
    rows = cursor.execute("SELECT dense, half, sparse, bits FROM items ORDER BY id").fetchall()
    assert np.array_equal([row[0].to_numpy() for row in rows], DATA.dense)
    assert np.array_equal([row[1].to_numpy() for row in rows], DATA.half)
    assert np.array_equal([row[2].to_numpy() for row in rows], DATA.sparse)
    if not binary:
        # psycopg has no binary loader of bit strings.
        assert [row[3] for row in rows] == [bit_text(bits) for bits in DATA.bits]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("operator", FLOAT_OPERATORS)
def test_distances_without_an_index(session: Session, operator: str, column: str) -> None:
    rows, question = COLUMNS[column]
    found = session.execute(f"SELECT {column} {operator} %s FROM items ORDER BY id", (question,)).fetchall()
    assert_distances((row[0] for row in found), operator, rows, QUESTIONS[column])


@pytest.mark.parametrize("operator", BIT_OPERATORS)
def test_distances_of_bits(session: Session, operator: str) -> None:
    escaped = operator.replace("%", "%%")
    question = Bit(DATA.bit_question)
    found = session.execute(f"SELECT bits {escaped} %b FROM items ORDER BY id", (question,)).fetchall()
    assert_distances((row[0] for row in found), operator, DATA.bits, DATA.bit_question)


@pytest.mark.parametrize(("column", "operator"), CLASSES)
@pytest.mark.parametrize("marker", ["%s", "%b"])
def test_each_index_answers_its_operator(session: Session, column: str, operator: str, marker: str) -> None:
    operator_class = CLASSES[column, operator]
    session.execute(
        f"CREATE INDEX items_index ON items USING hnsw ({column} {operator_class}) WITH (m = 12, ef_construction = 80)"
    )
    described = session.execute(INDEX_QUERY.format("items_index")).fetchone()
    assert described == ("hnsw", operator_class, OPTIONS)
    if column == "bits":
        rows, question, asked = DATA.bits, DATA.bit_question, Bit(DATA.bit_question)
    else:
        (rows, asked), question = COLUMNS[column], QUESTIONS[column]
    statement = f"SELECT id FROM items ORDER BY {column} {operator.replace('%', '%%')} {marker} LIMIT {K}"
    [[plan]] = session.execute(f"EXPLAIN (FORMAT JSON) {statement}", (asked,)).fetchall()
    assert index_of(plan) == "items_index"
    found = [row[0] for row in session.execute(statement, (asked,))]
    assert_nearest(found, operator, rows, question)


@pytest.mark.parametrize("prepared", [False, True])
def test_a_filter_keeps_its_kind_and_fills_the_limit(session: Session, prepared: bool) -> None:
    session.execute("CREATE INDEX ON items USING hnsw (dense vector_l2_ops)")
    statement = "SELECT id FROM items WHERE kind = %s ORDER BY dense <-> %s LIMIT 10"
    # Past the fifth execution a prepared statement may take a generic plan.
    for _ in range(7 if prepared else 1):
        found = session.execute(statement, (3, Vector(DATA.question)), prepare=prepared).fetchall()
        assert_nearest([row[0] for row in found], "<->", DATA.dense, DATA.question, kind=3)


def test_aggregates(session: Session) -> None:
    row = session.execute("SELECT avg(dense), sum(dense), avg(half), sum(half) FROM items WHERE kind = 2").fetchone()
    assert row is not None
    assert_means(row[0].to_numpy(), row[1].to_numpy(), 2)
    half = DATA.half[DATA.kinds == 2].astype(np.float64)
    np.testing.assert_allclose(row[2].to_numpy(), half.mean(axis=0), rtol=1e-3, atol=1e-3)
    # A sum of halfvec is rounded to float16 at each step.
    np.testing.assert_allclose(row[3].to_numpy(), half.sum(axis=0), rtol=0.02, atol=0.5)


def test_updated_and_deleted_rows_change_the_answer(session: Session) -> None:
    session.execute("CREATE INDEX items_index ON items USING hnsw (dense vector_cosine_ops)")
    nearest = "SELECT id FROM items ORDER BY dense <=> %s LIMIT 2"
    question = Vector(DATA.question)
    before = nearest_id()
    moved = before % ROWS + 1
    session.execute("UPDATE items SET dense = %s WHERE id = %s", (Vector(3 * DATA.question), moved))
    assert [row[0] for row in session.execute(nearest, (question,))] == [moved, before]
    session.execute("DELETE FROM items WHERE id = %s", (moved,))
    assert session.execute(nearest, (question,)).fetchone() == (before,)


def test_a_rolled_back_row_is_not_found(loaded: Session) -> None:
    nearest = "SELECT id FROM items ORDER BY dense <=> %s LIMIT 1"
    question = Vector(DATA.question)
    with loaded.transaction(force_rollback=True):
        [inserted] = loaded.execute("INSERT INTO items (dense) VALUES (%s) RETURNING id", (question,)).fetchall()
        assert loaded.execute(nearest, (question,)).fetchone() == inserted
    assert loaded.execute(nearest, (question,)).fetchone() == (nearest_id(),)


def test_many_rows_at_once_and_arrays(session: Session) -> None:
    session.execute("CREATE TEMP TABLE pairs (id int, vectors vector[])")
    rows = [(n, [Vector(DATA.dense[n]), Vector(DATA.dense[n + 1])]) for n in range(50)]
    with session.cursor() as cursor:
        cursor.executemany("INSERT INTO pairs VALUES (%s, %s)", rows)
    for n, vectors in session.execute("SELECT id, vectors FROM pairs ORDER BY id"):
        assert vectors == rows[n][1]
    found = session.execute(
        "SELECT id FROM items WHERE dense = ANY (%s) ORDER BY id", ([Vector(DATA.dense[4]), Vector(DATA.dense[6])],)
    )
    assert [row[0] for row in found] == [5, 7]


def test_an_error_has_its_state_and_the_session_goes_on(loaded: Session) -> None:
    with pytest.raises(errors.DataException, match="different vector dimensions 24 and 2"):
        loaded.execute("SELECT dense <-> %s FROM items", (Vector([1, 2]),))
    with pytest.raises(errors.DataException, match="expected 24 dimensions, not 2"):
        loaded.execute("INSERT INTO items (dense) VALUES (%s)", (Vector([1, 2]),))
    assert loaded.execute("SELECT count(*) FROM items").fetchone() == (len(DATA.dense),)
