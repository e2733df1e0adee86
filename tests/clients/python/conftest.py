"""Databases on the cluster that PGHOST names; tests/clients/run.py starts it."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.sql import SQL, Identifier


def administer(statement: str, name: str) -> None:
    """Runs a statement on the database that is always there."""
    with psycopg.connect(autocommit=True) as session:
        session.execute(SQL(statement).format(Identifier(name)))


@pytest.fixture(scope="module")
def empty_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a database of this module without any extension."""
    name = f"{request.module.__name__}_empty"
    administer("CREATE DATABASE {}", name)
    yield name
    administer("DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a database of this module with vector_ext."""
    name = request.module.__name__
    administer("CREATE DATABASE {}", name)
    # Enough that a search among these few rows finds what an exact one does.
    administer("ALTER DATABASE {} SET hnsw.ef_search = 100", name)
    with psycopg.connect(dbname=name, autocommit=True) as session:
        session.execute("CREATE EXTENSION vector_ext")
    yield name
    administer("DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture(scope="session")
def vector_name() -> None:
    """Skips what runs CREATE EXTENSION vector where no extension of that name is installed."""
    with psycopg.connect() as session:
        if not session.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'").fetchone():
            pytest.skip("no extension vector: `make install-shim` gives it")
