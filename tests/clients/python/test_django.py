"""Django: a model whose table and indexes migrations make, the ORM's distances, on psycopg 3."""

from collections.abc import Iterator

import django
import numpy as np
import pytest
from django.conf import settings
from django.db import DataError, connection, connections, migrations, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ProjectState
from django.db.models import Avg, Sum
from pgvector.django import (
    BitField,
    CosineDistance,
    HalfVectorField,
    HammingDistance,
    HnswIndex,
    JaccardDistance,
    L1Distance,
    L2Distance,
    MaxInnerProduct,
    SparseVectorField,
    VectorExtension,
    VectorField,
)
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

settings.configure(
    # Their names are those of the fixtures.
    DATABASES={name: {"ENGINE": "django.db.backends.postgresql", "NAME": name} for name in ("default", "other")},
    INSTALLED_APPS=["django.contrib.postgres"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

CLASSES = {"dense": "vector_cosine_ops", "half": "halfvec_l2_ops", "sparse": "sparsevec_ip_ops"}
INDEXES = [
    HnswIndex(name=f"items_{name}", fields=[name], m=12, ef_construction=80, opclasses=[operator_class])
    for name, operator_class in CLASSES.items()
]
FIELDS = [
    ("id", models.BigAutoField(primary_key=True)),
    ("kind", models.IntegerField(null=True)),
    ("dense", VectorField(dimensions=DIMS, null=True)),
    ("half", HalfVectorField(dimensions=DIMS, null=True)),
    ("sparse", SparseVectorField(dimensions=DIMS, null=True)),
    ("bits", BitField(length=BITS, null=True)),
]
OPERATIONS = [
    migrations.CreateModel(name="Item", fields=FIELDS, options={"db_table": "items"}),
    *(migrations.AddIndex(model_name="item", index=index) for index in INDEXES),
]
QUESTIONS = {
    "dense": (DATA.dense, DATA.question),
    "half": (DATA.half, DATA.half_question),
    "sparse": (DATA.sparse, DATA.sparse_question),
}
FUNCTIONS = {"<->": L2Distance, "<#>": MaxInnerProduct, "<=>": CosineDistance, "<+>": L1Distance}


def migrate(operations: list[migrations.operations.base.Operation], where: BaseDatabaseWrapper) -> type[models.Model]:
    """Runs operations as a migration does, and gives the model that they leave."""
    migration = migrations.Migration("first", "shop")
    migration.operations = operations
    with where.schema_editor(atomic=True) as editor:
        state = migration.apply(ProjectState(), editor)
    return state.apps.get_model("shop", "Item")


@pytest.fixture(scope="module")
def model(database: str) -> Iterator[type[models.Model]]:
    """The model; its table was made by a migration and filled in bulk."""
    connection.settings_dict["NAME"] = database
    model = migrate(OPERATIONS, connection)
    rows = zip(DATA.kinds.tolist(), DATA.dense, DATA.half, DATA.sparse, DATA.bits, strict=True)
    model.objects.bulk_create(
        [
            model(kind=kind, dense=dense, half=half, sparse=sparse, bits=bit_text(bits))
            for kind, dense, half, sparse, bits in rows
        ],
        batch_size=500,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE items")
    yield model
    connection.close()


@pytest.fixture(autouse=True)
def undone(model: type[models.Model]) -> Iterator[None]:
    """What a test changes is undone."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def ids(query: models.QuerySet) -> list[int]:
    """The primary keys, in the order of the query."""
    return list(query.values_list("pk", flat=True))


def test_the_indexes_are_as_declared(model: type[models.Model]) -> None:
    with connection.cursor() as cursor:
        for name, operator_class in CLASSES.items():
            cursor.execute(INDEX_QUERY.format(f"items_{name}"))
            assert cursor.fetchall() == [("hnsw", operator_class, OPTIONS)]


def test_values_come_back_as_they_were_sent(model: type[models.Model]) -> None:
    items = list(model.objects.order_by("pk"))
    assert np.array_equal(np.array([item.dense for item in items], np.float32), DATA.dense)
    assert np.array_equal(np.array([item.half for item in items], np.float16), DATA.half)
    assert np.array_equal([item.sparse.to_numpy() for item in items], DATA.sparse)
    assert [item.bits for item in items] == [bit_text(bits) for bits in DATA.bits]


@pytest.mark.parametrize("column", QUESTIONS)
@pytest.mark.parametrize("operator", FUNCTIONS)
def test_the_nearest_by_each_operator(model: type[models.Model], operator: str, column: str) -> None:
    rows, question = QUESTIONS[column]
    asked = model._meta.get_field(column).get_prep_value(question)
    distance = FUNCTIONS[operator](column, models.Value(asked))
    found = model.objects.order_by("pk").values_list(distance, flat=True)
    assert_distances(found, operator, rows, question)
    nearest = model.objects.order_by(distance)[:K]
    indexed = {("dense", "<=>"): "items_dense", ("half", "<->"): "items_half", ("sparse", "<#>"): "items_sparse"}
    assert index_of(nearest.values("pk").explain(format="json")) == indexed.get((column, operator))
    assert_nearest(ids(nearest), operator, rows, question)


@pytest.mark.parametrize(("operator", "function"), [("<~>", HammingDistance), ("<%>", JaccardDistance)])
def test_the_nearest_bits(model: type[models.Model], operator: str, function: type) -> None:
    nearest = model.objects.order_by(function("bits", bit_text(DATA.bit_question)))[:K]
    assert_nearest(ids(nearest), operator, DATA.bits, DATA.bit_question)


def test_a_filter_and_an_alias(model: type[models.Model]) -> None:
    distance = CosineDistance("dense", DATA.question)
    nearest = model.objects.filter(kind=3).order_by(distance)[:K]
    assert_nearest(ids(nearest), "<=>", DATA.dense, DATA.question, kind=3)
    within = model.objects.alias(distance=L2Distance("dense", DATA.question)).filter(distance__lt=0.5).count()
    truth = np.linalg.norm(DATA.dense.astype(float) - DATA.question, axis=1)
    assert within == (truth < 0.5).sum() > 0


def test_aggregates(model: type[models.Model]) -> None:
    found = model.objects.filter(kind=2).aggregate(mean=Avg("dense"), total=Sum("dense"))
    assert_means(np.array(found["mean"]), np.array(found["total"]), 2)


def test_changed_objects_change_the_answer(model: type[models.Model]) -> None:
    nearest = model.objects.order_by(CosineDistance("dense", DATA.question))
    before = nearest_id()
    item = model.objects.get(pk=before % ROWS + 1)
    item.dense = 3 * DATA.question
    item.save()
    assert nearest.first().pk == item.pk
    item.delete()
    assert nearest.first().pk == before
    savepoint = transaction.savepoint()
    added = model.objects.create(dense=DATA.question.tolist())
    assert nearest.first().pk == added.pk
    transaction.savepoint_rollback(savepoint)
    assert nearest.first().pk == before


def test_an_error_has_its_state(model: type[models.Model]) -> None:
    with pytest.raises(DataError, match="expected 24 dimensions, not 2"), transaction.atomic():
        model.objects.create(dense=[1, 2])


@pytest.mark.usefixtures("vector_name")
def test_a_migration_makes_the_extension(empty_database: str) -> None:
    other = connections["other"]
    other.settings_dict["NAME"] = empty_database
    model = migrate([VectorExtension(), *OPERATIONS], other)
    item = model.objects.using("other").create(dense=DATA.question)
    assert ids(model.objects.using("other").order_by(L2Distance("dense", DATA.question))) == [item.pk]
    other.close()
