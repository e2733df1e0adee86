"""SQLModel: models that are validated, on SQLAlchemy's types and sessions."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pgvector.sqlalchemy import BIT, HALFVEC, SPARSEVEC, VECTOR, avg
from pgvector.sqlalchemy import sum as total
from sqlalchemy import Engine, text
from sqlmodel import Field, Index, Session, SQLModel, create_engine, select
from support import (
    BITS,
    DATA,
    DIMS,
    INDEX_QUERY,
    OPTIONS,
    ROWS,
    K,
    assert_means,
    assert_nearest,
    bit_text,
    index_of,
    nearest_id,
)


class Item(SQLModel, table=True):
    """A row of each type."""

    __tablename__ = "items"
    __table_args__ = (
        Index(
            "items_dense",
            "dense",
            postgresql_using="hnsw",
            postgresql_with={"m": 12, "ef_construction": 80},
            postgresql_ops={"dense": "vector_l2_ops"},
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: int | None = None
    dense: Any = Field(default=None, sa_type=VECTOR(DIMS))
    half: Any = Field(default=None, sa_type=HALFVEC(DIMS))
    sparse: Any = Field(default=None, sa_type=SPARSEVEC(DIMS))
    bits: Any = Field(default=None, sa_type=BIT(BITS))


@pytest.fixture(scope="module")
def engine(database: str) -> Iterator[Engine]:
    """Tables made by the metadata, rows added as objects."""
    engine = create_engine(f"postgresql+psycopg:///{database}")
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        for kind, dense, half, sparse, bits in zip(
            DATA.kinds.tolist(), DATA.dense, DATA.half, DATA.sparse, DATA.bits, strict=True
        ):
            session.add(Item(kind=kind, dense=dense, half=half, sparse=sparse, bits=bit_text(bits)))
        session.commit()
        session.exec(text("ANALYZE items"))
        session.commit()
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """What a test changes is undone."""
    with Session(engine) as session:
        yield session
        session.rollback()


def test_the_index_is_as_declared_and_used(session: Session) -> None:
    assert tuple(session.exec(text(INDEX_QUERY.format("items_dense"))).one()) == ("hnsw", "vector_l2_ops", OPTIONS)
    literal = str(DATA.question.tolist())
    explain = text(f"EXPLAIN (FORMAT JSON) SELECT id FROM items ORDER BY dense <-> '{literal}' LIMIT {K}")
    assert index_of(session.exec(explain).scalar()) == "items_dense"


def test_values_come_back_as_they_were_sent(session: Session) -> None:
    items = session.exec(select(Item).order_by(Item.id)).all()
    assert np.array_equal(np.array([item.dense for item in items], np.float32), DATA.dense)
    assert np.array_equal(np.array([item.half for item in items], np.float16), DATA.half)
    assert np.array_equal([item.sparse.to_numpy() for item in items], DATA.sparse)
    assert [item.bits for item in items] == [bit_text(bits) for bits in DATA.bits]


@pytest.mark.parametrize(
    ("operator", "method"),
    [("<->", "l2_distance"), ("<#>", "max_inner_product"), ("<=>", "cosine_distance"), ("<+>", "l1_distance")],
)
@pytest.mark.parametrize("column", ["dense", "half", "sparse"])
def test_the_nearest_by_each_operator(session: Session, operator: str, method: str, column: str) -> None:
    rows = getattr(DATA, column)
    question = DATA.question if column == "dense" else getattr(DATA, f"{column}_question")
    nearest = select(Item).order_by(getattr(getattr(Item, column), method)(question)).limit(K)
    assert_nearest([item.id for item in session.exec(nearest)], operator, rows, question)


@pytest.mark.parametrize(("operator", "name"), [("<~>", "hamming"), ("<%>", "jaccard")])
def test_the_nearest_bits(session: Session, operator: str, name: str) -> None:
    distance = getattr(Item.bits, f"{name}_distance")(bit_text(DATA.bit_question))
    found = session.exec(select(Item.id).order_by(distance).limit(K)).all()
    assert_nearest(found, operator, DATA.bits, DATA.bit_question)


def test_a_filter(session: Session) -> None:
    nearest = select(Item.id).where(Item.kind == 3).order_by(Item.dense.l2_distance(DATA.question)).limit(K)
    assert_nearest(session.exec(nearest).all(), "<->", DATA.dense, DATA.question, kind=3)


def test_aggregates(session: Session) -> None:
    assert_means(*session.exec(select(avg(Item.dense), total(Item.dense)).where(Item.kind == 2)).one(), 2)


def test_changed_objects_change_the_answer(session: Session) -> None:
    nearest = select(Item.id).order_by(Item.dense.l2_distance(DATA.question)).limit(1)
    before = nearest_id("<->")
    item = session.get(Item, before % ROWS + 1)
    assert item is not None
    item.dense = DATA.question
    session.add(item)
    assert session.exec(nearest).one() == item.id
    session.delete(item)
    assert session.exec(nearest).one() == before
    session.rollback()
    assert session.get(Item, before % ROWS + 1) is not None
    assert session.exec(nearest).one() == before
