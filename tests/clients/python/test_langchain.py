"""LangChain's PGVector store and its newer PGVectorStore, with an embedding that needs no model."""

from collections.abc import Iterator

import numpy as np
import psycopg
import pytest
from langchain_core.embeddings import Embeddings
from langchain_postgres import PGEngine, PGVector, PGVectorStore
from langchain_postgres.v2.indexes import DistanceStrategy, HNSWIndex, HNSWQueryOptions
from langchain_postgres.vectorstores import DistanceStrategy as FirstStrategy
from support import DATA, DIMS, INDEX_QUERY, OPTIONS, ROWS, K, assert_nearest, distances, index_of

TEXTS = [f"passage {n}" for n in range(1, ROWS + 1)]
KINDS = [{"kind": int(kind)} for kind in DATA.kinds]
STRATEGIES = {
    "<->": (FirstStrategy.EUCLIDEAN, DistanceStrategy.EUCLIDEAN, "vector_l2_ops"),
    "<#>": (FirstStrategy.MAX_INNER_PRODUCT, DistanceStrategy.INNER_PRODUCT, "vector_ip_ops"),
    "<=>": (FirstStrategy.COSINE, DistanceStrategy.COSINE_DISTANCE, "vector_cosine_ops"),
}


class Looked(Embeddings):
    """The embedding of `passage n` is row n; that of anything else is the question."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Rows."""
        return [DATA.dense[int(text.removeprefix("passage ")) - 1].tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """The question."""
        return DATA.question.tolist()


def number(text: str) -> int:
    """The row of a passage."""
    return int(text.removeprefix("passage "))


def assert_scores(found: list[tuple[int, float]], operator: str, sign: int = 1) -> None:
    """Scores are the distances."""
    truth = distances(operator, DATA.dense, DATA.question)
    expected = [sign * truth[row - 1] for row, _ in found]
    np.testing.assert_allclose([score for _, score in found], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("operator", STRATEGIES)
def test_the_first_store(database: str, operator: str) -> None:
    store = PGVector(
        Looked(),
        connection=f"postgresql+psycopg:///{database}",
        embedding_length=DIMS,
        distance_strategy=STRATEGIES[operator][0],
        create_extension=False,
        pre_delete_collection=True,
    )
    store.add_texts(TEXTS[:300], KINDS[:300], ids=TEXTS[:300])
    found = [(number(text.page_content), score) for text, score in store.similarity_search_with_score("?", K)]
    truth = distances(operator, DATA.dense[:300], DATA.question)
    assert [row for row, _ in found] == (1 + np.argsort(truth)[:K]).tolist()
    assert_scores(found, operator)
    filtered = store.similarity_search("?", K, filter={"kind": {"$eq": 3}})
    truth[DATA.kinds[:300] != 3] = np.inf
    assert [number(text.page_content) for text in filtered] == (1 + np.argsort(truth)[:K]).tolist()
    nearest = found[0][0]
    store.delete([f"passage {nearest}"])
    assert number(store.similarity_search("?", 1)[0].page_content) == found[1][0]
    # What is added under an id that there is takes its place.
    store.add_texts([f"passage {nearest}"], [{"kind": 99}], ids=[f"passage {found[1][0]}"])
    [first] = store.similarity_search("?", 1)
    assert (number(first.page_content), first.metadata) == (nearest, {"kind": 99})
    store.drop_tables()


@pytest.fixture(scope="module")
def engine(database: str) -> Iterator[PGEngine]:
    """The engine of the newer store, beside a table as its own DDL makes it."""
    engine = PGEngine.from_connection_string(f"postgresql+psycopg:///{database}")
    with psycopg.connect(dbname=database) as session:
        session.execute(
            f"CREATE TABLE passages (langchain_id text PRIMARY KEY, content text NOT NULL,"
            f" embedding vector({DIMS}) NOT NULL, kind int, langchain_metadata json)"
        )
    store = new_store(engine, "<=>")
    store.add_texts(TEXTS, KINDS, ids=TEXTS)
    yield engine
    store.drop_vector_index("passages_index")


def new_store(engine: PGEngine, operator: str) -> PGVectorStore:
    """The store of the table, searched by an operator."""
    return PGVectorStore.create_sync(
        engine,
        Looked(),
        "passages",
        metadata_columns=["kind"],
        distance_strategy=STRATEGIES[operator][1],
        index_query_options=HNSWQueryOptions(ef_search=100),
    )


@pytest.mark.parametrize("operator", STRATEGIES)
def test_the_newer_store_and_its_index(engine: PGEngine, database: str, operator: str) -> None:
    _, strategy, operator_class = STRATEGIES[operator]
    store = new_store(engine, operator)
    store.drop_vector_index("passages_index")
    index = HNSWIndex(name="passages_index", m=12, ef_construction=80, distance_strategy=strategy)
    store.apply_vector_index(index)
    assert store.is_valid_index("passages_index")
    with psycopg.connect(dbname=database, autocommit=True) as session:
        session.execute("ANALYZE passages")
        described = session.execute(INDEX_QUERY.format("passages_index")).fetchone()
        assert described == ("hnsw", operator_class, OPTIONS)
        statement = f"SELECT content FROM passages ORDER BY embedding {operator} '{DATA.question.tolist()}' LIMIT {K}"
        row = session.execute(f"EXPLAIN (FORMAT JSON) {statement}").fetchone()
        assert row is not None
        assert index_of(row[0]) == "passages_index"
    found = [(number(text.page_content), score) for text, score in store.similarity_search_with_score("?", K)]
    assert_nearest([row for row, _ in found], operator, DATA.dense, DATA.question)
    filtered = store.similarity_search("?", K, filter={"kind": 3})
    rows = [number(text.page_content) for text in filtered]
    assert_nearest(rows, operator, DATA.dense, DATA.question, kind=3)


def test_deleted_passages_are_not_found(engine: PGEngine) -> None:
    store = new_store(engine, "<=>")
    first, second = (text.page_content for text in store.similarity_search("?", 2))
    store.delete([first])
    assert store.similarity_search("?", 1)[0].page_content == second
    store.add_texts([first], [{"kind": 0}], ids=[first])
    assert store.similarity_search("?", 1)[0].page_content == first


@pytest.mark.usefixtures("vector_name")
def test_both_stores_make_the_extension(empty_database: str) -> None:
    url = f"postgresql+psycopg:///{empty_database}"
    first = PGVector(Looked(), connection=url, embedding_length=DIMS)
    first.add_texts(TEXTS[:20])
    engine = PGEngine.from_connection_string(url)
    engine.init_vectorstore_table("passages", DIMS)
    newer = PGVectorStore.create_sync(engine, Looked(), "passages")
    newer.add_texts(TEXTS[:20])
    expected = 1 + int(np.argmin(distances("<=>", DATA.dense[:20], DATA.question)))
    for store in (first, newer):
        assert number(store.similarity_search("?", 1)[0].page_content) == expected
