"""Peewee: models with the pgvector package's fields, on psycopg2."""

from collections.abc import Iterator

import numpy as np
import peewee
import pytest
from peewee import SQL, BigAutoField, IntegerField, Model, PostgresqlDatabase, chunked, fn
from pgvector import Vector
from pgvector.peewee import FixedBitField, HalfVectorField, SparseVectorField, VectorField
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

# Which database is known when a test has made it.
connected = PostgresqlDatabase(None)


class Item(Model):
    """A row of each type."""

    id = BigAutoField()
    kind = IntegerField(null=True)
    dense = VectorField(dimensions=DIMS, null=True)
    half = HalfVectorField(dimensions=DIMS, null=True)
    sparse = SparseVectorField(dimensions=DIMS, null=True)
    bits = FixedBitField(max_length=BITS, null=True)

    class Meta:
        """Where it is stored."""

        database = connected
        table_name = "items"


Item.add_index(
    SQL("CREATE INDEX items_dense ON items USING hnsw (dense vector_cosine_ops) WITH (m = 12, ef_construction = 80)")
)
# By Peewee's own words, which have no place for options.
Item.add_index(Item.index(SQL("half halfvec_l2_ops"), using="hnsw", name="items_half"))
METHODS = {"<->": "l2_distance", "<#>": "max_inner_product", "<=>": "cosine_distance", "<+>": "l1_distance"}
QUESTIONS = {
    "dense": (DATA.dense, DATA.question),
    "half": (DATA.half, DATA.half_question),
    "sparse": (DATA.sparse, DATA.sparse_question),
}


@pytest.fixture(scope="module", autouse=True)
def loaded(database: str) -> Iterator[None]:
    """The table made by the model, rows inserted by the hundred."""
    connected.init(database)
    connected.connect()
    connected.create_tables([Item])
    rows = [
        {"kind": kind, "dense": dense, "half": half, "sparse": sparse, "bits": bit_text(bits)}
        for kind, dense, half, sparse, bits in zip(
            DATA.kinds.tolist(), DATA.dense, DATA.half, DATA.sparse, DATA.bits, strict=True
        )
    ]
    with connected.atomic():
        for batch in chunked(rows, 100):
            Item.insert_many(batch).execute()
    connected.execute_sql("ANALYZE items")
    yield
    connected.close()


def plan(query: peewee.Query) -> str | None:
    """The index that the server would read."""
    statement, parameters = query.sql()
    return index_of(connected.execute_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).fetchone()[0])


def test_the_indexes_are_as_declared() -> None:
    [found] = connected.execute_sql(INDEX_QUERY.format("items_dense")).fetchall()
    assert found == ("hnsw", "vector_cosine_ops", OPTIONS)
    [found] = connected.execute_sql(INDEX_QUERY.format("items_half")).fetchall()
    assert found == ("hnsw", "halfvec_l2_ops", None)


def test_values_come_back_as_they_were_sent() -> None:
    items = list(Item.select().order_by(Item.id))
    assert np.array_equal(np.array([item.dense for item in items], np.float32), DATA.dense)
    assert np.array_equal(np.array([item.half for item in items], np.float16), DATA.half)
    assert np.array_equal([item.sparse.to_numpy() for item in items], DATA.sparse)
    assert [item.bits for item in items] == [bit_text(bits) for bits in DATA.bits]


@pytest.mark.parametrize("column", QUESTIONS)
@pytest.mark.parametrize("operator", METHODS)
def test_the_nearest_by_each_operator(operator: str, column: str) -> None:
    rows, question = QUESTIONS[column]
    distance = getattr(getattr(Item, column), METHODS[operator])(question)
    found = [row[0] for row in Item.select(distance).order_by(Item.id).tuples()]
    assert_distances(found, operator, rows, question)
    nearest = Item.select().order_by(distance).limit(K)
    indexed = {("dense", "<=>"): "items_dense", ("half", "<->"): "items_half"}
    assert plan(nearest) == indexed.get((column, operator))
    assert_nearest([item.id for item in nearest], operator, rows, question)


@pytest.mark.parametrize(("operator", "name"), [("<~>", "hamming"), ("<%>", "jaccard")])
def test_the_nearest_bits(operator: str, name: str) -> None:
    distance = getattr(Item.bits, f"{name}_distance")(bit_text(DATA.bit_question))
    nearest = Item.select().order_by(distance).limit(K)
    assert_nearest([item.id for item in nearest], operator, DATA.bits, DATA.bit_question)


def test_a_filter() -> None:
    nearest = Item.select().where(Item.kind == 3).order_by(Item.dense.cosine_distance(DATA.question)).limit(K)
    assert_nearest([item.id for item in nearest], "<=>", DATA.dense, DATA.question, kind=3)


def test_aggregates() -> None:
    query = Item.select(fn.avg(Item.dense).coerce(True), fn.sum(Item.dense).coerce(True)).where(Item.kind == 2)
    mean, total = query.tuples().get()
    assert_means(mean, total, 2)


def test_changed_objects_change_the_answer() -> None:
    nearest = Item.select().order_by(Item.dense.cosine_distance(DATA.question)).limit(1)
    before = nearest_id()
    with connected.atomic() as transaction:
        item = Item.get_by_id(before % ROWS + 1)
        item.dense = 3 * DATA.question
        item.save()
        assert nearest.get().id == item.id
        item.delete_instance()
        assert nearest.clone().get().id == before
        added = Item.create(dense=Vector(DATA.question))
        assert nearest.clone().get().id == added.id
        transaction.rollback()
    assert nearest.clone().get().id == before
    assert Item.select().count() == ROWS


def test_an_error_has_its_state() -> None:
    with pytest.raises(peewee.DataError, match="expected 24 dimensions, not 2"), connected.atomic():
        Item.create(dense=[1, 2])
