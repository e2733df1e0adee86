"""SQLAlchemy: schema, queries and sessions of its own making; on psycopg 3, psycopg2 and asyncpg."""

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest
from pgvector.sqlalchemy import BIT, HALFVEC, SPARSEVEC, VECTOR, avg
from pgvector.sqlalchemy import sum as total
from sqlalchemy import Engine, Index, MetaData, Select, Table, create_engine, delete, func, insert, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DataError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from support import (
    BITS,
    DATA,
    DIMS,
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


class Base(DeclarativeBase):
    """The tables of this file."""


class Item(Base):
    """A row of each type, with an index that is made with the table."""

    __tablename__ = "items"
    __table_args__ = (
        Index(
            "items_vector_cosine_ops",
            "dense",
            postgresql_using="hnsw",
            postgresql_with={"m": 12, "ef_construction": 80},
            postgresql_ops={"dense": "vector_cosine_ops"},
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[int | None]
    dense: Mapped[list[float] | None] = mapped_column(VECTOR(DIMS))
    half: Mapped[list[float] | None] = mapped_column(HALFVEC(DIMS))
    sparse: Mapped[object | None] = mapped_column(SPARSEVEC(DIMS))
    bits: Mapped[str | None] = mapped_column(BIT(BITS))


def hnsw(column: str, operator_class: str) -> Index:
    """Another index of the table."""
    return Index(
        f"items_{operator_class}",
        Item.__table__.c[column],
        postgresql_using="hnsw",
        postgresql_with={"m": 12, "ef_construction": 80},
        postgresql_ops={column: operator_class},
    )


METHODS = {"<->": "l2_distance", "<#>": "max_inner_product", "<=>": "cosine_distance", "<+>": "l1_distance"}
NAMES = {"<->": "l2", "<#>": "ip", "<=>": "cosine", "<+>": "l1"}
QUESTIONS = {
    "dense": (DATA.dense, DATA.question, "vector"),
    "half": (DATA.half, DATA.half_question, "halfvec"),
    "sparse": (DATA.sparse, DATA.sparse_question, "sparsevec"),
}
LATER = [(column, f"{kind}_{name}_ops") for column, (_, _, kind) in QUESTIONS.items() for name in NAMES.values()]
LATER.remove(("dense", "vector_cosine_ops"))
LATER += [("bits", "bit_hamming_ops"), ("bits", "bit_jaccard_ops")]


@pytest.fixture(scope="module")
def engine(database: str) -> Iterator[Engine]:
    """Table and indexes made by metadata, rows by one INSERT of many."""
    engine = create_engine(f"postgresql+psycopg:///{database}")
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(Item), values())
    for column, operator_class in LATER:
        hnsw(column, operator_class).create(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE items"))
    yield engine
    engine.dispose()


def values() -> list[dict[str, object]]:
    """The rows as SQLAlchemy takes them."""
    return [
        {"kind": kind, "dense": dense, "half": half, "sparse": sparse, "bits": bit_text(bits)}
        for kind, dense, half, sparse, bits in zip(
            DATA.kinds.tolist(), DATA.dense, DATA.half, DATA.sparse, DATA.bits, strict=True
        )
    ]


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """What a test changes is undone."""
    with Session(engine) as session:
        yield session
        session.rollback()


def index_used(session: Session, statement: Select) -> str | None:
    """The index that the server would read for a statement."""
    compiled = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    return index_of(session.scalar(text(f"EXPLAIN (FORMAT JSON) {compiled}".replace(":", "\\:"))))


def test_the_indexes_are_as_declared(session: Session) -> None:
    for index in Item.__table__.indexes:
        found = session.execute(text(INDEX_QUERY.format(index.name))).one()
        assert tuple(found) == ("hnsw", str(index.name).removeprefix("items_"), OPTIONS)
    assert len(Item.__table__.indexes) == 14


def test_values_come_back_as_they_were_sent(session: Session) -> None:
    items = session.scalars(select(Item).order_by(Item.id)).all()
    assert np.array_equal(np.array([item.dense for item in items], np.float32), DATA.dense)
    assert np.array_equal(np.array([item.half for item in items], np.float16), DATA.half)
    assert np.array_equal([item.sparse.to_numpy() for item in items], DATA.sparse)
    assert [item.bits for item in items] == [bit_text(bits) for bits in DATA.bits]


def test_reflected_tables_have_the_types(engine: Engine) -> None:
    columns = Table("items", MetaData(), autoload_with=engine).c
    assert isinstance(columns.dense.type, VECTOR)
    assert isinstance(columns.half.type, HALFVEC)
    assert isinstance(columns.sparse.type, SPARSEVEC)
    # The dimensions too.
    assert columns.dense.type.dim == columns.half.type.dim == columns.sparse.type.dim == DIMS


@pytest.mark.parametrize("column", QUESTIONS)
@pytest.mark.parametrize("operator", METHODS)
def test_the_nearest_by_each_operator(session: Session, operator: str, column: str) -> None:
    rows, question, type_name = QUESTIONS[column]
    distance = getattr(getattr(Item, column), METHODS[operator])(question)
    assert_distances(session.scalars(select(distance).order_by(Item.id)), operator, rows, question)
    nearest = select(Item.id).order_by(distance).limit(K)
    assert index_used(session, nearest) == f"items_{type_name}_{NAMES[operator]}_ops"
    assert_nearest(session.scalars(nearest).all(), operator, rows, question)


@pytest.mark.parametrize(("operator", "name"), [("<~>", "hamming"), ("<%>", "jaccard")])
def test_the_nearest_bits(session: Session, operator: str, name: str) -> None:
    distance = getattr(Item.bits, f"{name}_distance")(bit_text(DATA.bit_question))
    found = session.scalars(select(distance).order_by(Item.id))
    assert_distances(found, operator, DATA.bits, DATA.bit_question)
    nearest = select(Item.id).order_by(distance).limit(K)
    assert_nearest(session.scalars(nearest).all(), operator, DATA.bits, DATA.bit_question)


def test_a_filter_and_a_bound_on_the_distance(session: Session) -> None:
    distance = Item.dense.l2_distance(DATA.question)
    nearest = select(Item.id).where(Item.kind == 3).order_by(distance).limit(K)
    assert_nearest(session.scalars(nearest).all(), "<->", DATA.dense, DATA.question, kind=3)
    truth = np.linalg.norm(DATA.dense.astype(float) - DATA.question, axis=1)
    within = session.scalar(select(func.count()).where(distance < 0.5))
    assert within == (truth < 0.5).sum() > 0


def test_aggregates(session: Session) -> None:
    mean, summed = session.execute(select(avg(Item.dense), total(Item.dense)).where(Item.kind == 2)).one()
    assert_means(mean, summed, 2)


def test_changed_objects_change_the_answer(session: Session) -> None:
    nearest = select(Item).order_by(Item.dense.cosine_distance(DATA.question)).limit(2)
    before = nearest_id()
    moved = session.get_one(Item, before % ROWS + 1)
    moved.dense = 3 * DATA.question
    session.flush()
    assert [item.id for item in session.scalars(nearest)] == [moved.id, before]
    session.execute(update(Item).where(Item.id == before).values(dense=-DATA.question))
    assert before not in [item.id for item in session.scalars(nearest)]
    session.execute(delete(Item).where(Item.id == moved.id))
    assert moved.id not in [item.id for item in session.scalars(nearest)]
    session.rollback()
    assert session.scalars(nearest).first().id == before


def test_one_added_object_and_its_savepoint(session: Session) -> None:
    nearest = select(Item.id).order_by(Item.dense.l2_distance(DATA.question)).limit(1)
    savepoint = session.begin_nested()
    added = Item(dense=DATA.question.tolist())
    session.add(added)
    session.flush()
    assert session.scalar(nearest) == added.id
    savepoint.rollback()
    assert session.scalar(nearest) == nearest_id("<->")


def test_an_error_has_its_state(session: Session) -> None:
    session.add(Item(dense=[1, 2]))
    with pytest.raises(DataError, match="expected 24 dimensions, not 2"):
        session.flush()


def test_the_same_on_psycopg2(engine: Engine) -> None:
    other = create_engine(f"postgresql+psycopg2:///{engine.url.database}")
    with Session(other) as session:
        item = session.get_one(Item, 5)
        assert np.array_equal(np.array(item.dense, np.float32), DATA.dense[4])
        nearest = select(Item.id).order_by(Item.dense.cosine_distance(DATA.question)).limit(K)
        assert_nearest(session.scalars(nearest).all(), "<=>", DATA.dense, DATA.question)
    other.dispose()


def test_the_same_on_asyncpg(engine: Engine) -> None:
    async def main() -> None:
        other = create_async_engine(f"postgresql+asyncpg:///{engine.url.database}")
        async with AsyncSession(other) as session:
            item = await session.get_one(Item, 5)
            assert np.array_equal(np.array(item.dense, np.float32), DATA.dense[4])
            nearest = select(Item.id).order_by(Item.dense.cosine_distance(DATA.question)).limit(K)
            assert_nearest((await session.scalars(nearest)).all(), "<=>", DATA.dense, DATA.question)
            bits = select(Item.id).order_by(Item.bits.hamming_distance(bit_text(DATA.bit_question))).limit(K)
            assert_nearest((await session.scalars(bits)).all(), "<~>", DATA.bits, DATA.bit_question)
        await other.dispose()

    asyncio.run(main())
