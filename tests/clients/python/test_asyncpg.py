"""asyncpg: binary throughout, every statement prepared, types looked up by name and schema."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import numpy as np
import pytest
from pgvector import HalfVector, SparseVector, Vector
from pgvector.asyncpg import register_vector
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

Session = asyncpg.Connection
QUESTIONS = {
    "dense": (DATA.dense, DATA.question, Vector(DATA.question)),
    "half": (DATA.half, DATA.half_question, HalfVector(DATA.half_question)),
    "sparse": (DATA.sparse, DATA.sparse_question, SparseVector(DATA.sparse_question)),
}
BIT_QUESTION = asyncpg.BitString(bit_text(DATA.bit_question))


async def fill(session: Session) -> None:
    """Makes the table, and fills it by binary COPY."""
    await session.execute(
        f"CREATE TABLE items (id bigserial PRIMARY KEY, kind int, dense vector({DIMS}), half halfvec({DIMS}),"
        f" sparse sparsevec({DIMS}), bits bit({BITS}))"
    )
    rows = zip(
        DATA.kinds.tolist(),
        map(Vector, DATA.dense),
        map(HalfVector, DATA.half),
        map(SparseVector, DATA.sparse),
        (asyncpg.BitString(bit_text(bits)) for bits in DATA.bits),
        strict=True,
    )
    columns = ["kind", "dense", "half", "sparse", "bits"]
    await session.copy_records_to_table("items", records=rows, columns=columns)
    await session.execute("ANALYZE items")


@pytest.fixture(scope="module")
def loaded(database: str) -> str:
    """A database whose table is filled."""

    async def main() -> None:
        session = await asyncpg.connect(database=database)
        await register_vector(session)
        await fill(session)
        await session.close()

    asyncio.run(main())
    return database


Work = Callable[[Session], Awaitable[None]]


@pytest.fixture
def run(loaded: str) -> Callable[[Work], None]:
    """Runs a coroutine in a transaction that is rolled back."""

    async def main(work: Work) -> None:
        session = await asyncpg.connect(database=loaded)
        try:
            await register_vector(session)
            transaction = session.transaction()
            await transaction.start()
            await work(session)
            await transaction.rollback()
        finally:
            await session.close()

    return lambda work: asyncio.run(main(work))


async def column(session: Session, statement: str, *parameters: Any) -> list[Any]:
    """The first values of the rows."""
    return [row[0] for row in await session.fetch(statement, *parameters)]


def test_values_come_back_as_they_were_sent(run: Callable[[Work], None]) -> None:
    async def work(session: Session) -> None:
        rows = await session.fetch("SELECT dense, half, sparse, bits FROM items ORDER BY id")
        assert np.array_equal([row["dense"].to_numpy() for row in rows], DATA.dense)
        assert np.array_equal([row["half"].to_numpy() for row in rows], DATA.half)
        assert np.array_equal([row["sparse"].to_numpy() for row in rows], DATA.sparse)
        assert [row["bits"].as_string().replace(" ", "") for row in rows] == [bit_text(bits) for bits in DATA.bits]

    run(work)


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("operator", FLOAT_OPERATORS)
def test_distances_without_an_index(run: Callable[[Work], None], operator: str, name: str) -> None:
    rows, question, asked = QUESTIONS[name]

    async def work(session: Session) -> None:
        found = await column(session, f"SELECT {name} {operator} $1 FROM items ORDER BY id", asked)
        assert_distances(found, operator, rows, question)

    run(work)


@pytest.mark.parametrize("operator", BIT_OPERATORS)
def test_distances_of_bits(run: Callable[[Work], None], operator: str) -> None:
    async def work(session: Session) -> None:
        found = await column(session, f"SELECT bits {operator} $1 FROM items ORDER BY id", BIT_QUESTION)
        assert_distances(found, operator, DATA.bits, DATA.bit_question)

    run(work)


@pytest.mark.parametrize(
    ("name", "operator", "operator_class"),
    [
        ("dense", "<->", "vector_l2_ops"),
        ("dense", "<#>", "vector_ip_ops"),
        ("dense", "<=>", "vector_cosine_ops"),
        ("dense", "<+>", "vector_l1_ops"),
        ("half", "<->", "halfvec_l2_ops"),
        ("sparse", "<=>", "sparsevec_cosine_ops"),
        ("bits", "<~>", "bit_hamming_ops"),
        ("bits", "<%>", "bit_jaccard_ops"),
    ],
)
def test_each_index_answers_its_operator(
    run: Callable[[Work], None], name: str, operator: str, operator_class: str
) -> None:
    rows, question, asked = QUESTIONS.get(name, (DATA.bits, DATA.bit_question, BIT_QUESTION))

    async def work(session: Session) -> None:
        await session.execute(
            f"CREATE INDEX items_index ON items USING hnsw ({name} {operator_class})"
            " WITH (m = 12, ef_construction = 80)"
        )
        assert tuple(await session.fetchrow(INDEX_QUERY.format("items_index"))) == ("hnsw", operator_class, OPTIONS)
        statement = f"SELECT id FROM items ORDER BY {name} {operator} $1 LIMIT {K}"
        [plan] = await column(session, f"EXPLAIN (FORMAT JSON) {statement}", asked)
        assert index_of(plan) == "items_index"
        prepared = await session.prepare(statement)
        # Past the fifth execution the plan may be a generic one.
        for _ in range(7):
            found = [row[0] for row in await prepared.fetch(asked)]
            assert_nearest(found, operator, rows, question)

    run(work)


def test_a_filter_keeps_its_kind_and_fills_the_limit(run: Callable[[Work], None]) -> None:
    async def work(session: Session) -> None:
        await session.execute("CREATE INDEX ON items USING hnsw (dense vector_l2_ops)")
        statement = "SELECT id FROM items WHERE kind = $1 ORDER BY dense <-> $2 LIMIT 10"
        found = await column(session, statement, 3, DATA.question)
        assert_nearest(found, "<->", DATA.dense, DATA.question, kind=3)

    run(work)


def test_a_cursor_reads_the_index_in_parts(run: Callable[[Work], None]) -> None:
    async def work(session: Session) -> None:
        await session.execute("CREATE INDEX ON items USING hnsw (dense vector_l2_ops)")
        await session.execute("SET LOCAL enable_seqscan = off")
        found: list[int] = []
        async for row in session.cursor("SELECT id FROM items ORDER BY dense <-> $1", DATA.question, prefetch=3):
            found.append(row[0])
            if len(found) == K:
                break
        assert_nearest(found, "<->", DATA.dense, DATA.question)

    run(work)


def test_aggregates(run: Callable[[Work], None]) -> None:
    async def work(session: Session) -> None:
        mean, total = await session.fetchrow("SELECT avg(dense), sum(dense) FROM items WHERE kind = 2")
        assert_means(mean.to_numpy(), total.to_numpy(), 2)

    run(work)


def test_changed_rows_and_savepoints(run: Callable[[Work], None]) -> None:
    async def work(session: Session) -> None:
        await session.execute("CREATE INDEX ON items USING hnsw (dense vector_cosine_ops)")
        nearest = "SELECT id FROM items ORDER BY dense <=> $1 LIMIT 2"
        before = nearest_id()
        moved = before % ROWS + 1
        savepoint = session.transaction()
        await savepoint.start()
        await session.execute("UPDATE items SET dense = $1 WHERE id = $2", 3 * DATA.question, moved)
        assert await column(session, nearest, DATA.question) == [moved, before]
        await session.execute("DELETE FROM items WHERE id = $1", before)
        found = await column(session, nearest, DATA.question)
        assert found[0] == moved
        assert before not in found
        await savepoint.rollback()
        found = await column(session, nearest, DATA.question)
        assert found[0] == before
        await session.executemany("INSERT INTO items (dense) VALUES ($1)", [(DATA.question,), (DATA.question,)])
        assert sorted(await column(session, nearest, DATA.question)) == [ROWS + 1, ROWS + 2]

    run(work)


def test_an_error_has_its_state(run: Callable[[Work], None]) -> None:
    async def work(session: Session) -> None:
        with pytest.raises(asyncpg.DataError, match="expected 24 dimensions, not 2"):
            await session.execute("INSERT INTO items (dense) VALUES ($1)", [1.0, 2.0])

    run(work)
