"""A private cluster: its own data folder and socket, no TCP port."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from peers.postgres.installation import Installation

USER = "postgres"


class Cluster:
    """A running server; `close` ends it."""

    def __init__(self, installation: Installation, name: str, settings: Mapping[str, str]) -> None:
        self.installation = installation
        self.folder = installation.folder(name)
        self.data = self.folder / "data"
        self.running = False
        initdb = ("-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C", "-N", "-D", self.data)
        installation.run("initdb", *initdb)
        self.settings = dict(settings)
        self.start()

    def start(self, **changes: str) -> None:
        """Starts the server with its settings, some of them changed."""
        lines = {"listen_addresses": "", "unix_socket_directories": str(self.folder), **self.settings, **changes}
        text = "".join(f"{name} = '{value}'\n" for name, value in lines.items())
        # Read after postgresql.conf, which stays as initdb wrote it.
        (self.data / "postgresql.auto.conf").write_text(text)
        self.control("start")
        self.running = True

    def control(self, *arguments: str) -> None:
        """pg_ctl; it waits until it is done."""
        log = self.folder / "log"
        try:
            self.installation.run("pg_ctl", "-D", self.data, "-l", log, "-w", "-t", "600", *arguments)
        except RuntimeError as error:
            said = log.read_text()[-2000:] if log.exists() else ""
            raise RuntimeError(f"{error}\n{said}") from error

    def restart(self, **changes: str) -> None:
        """Stops in good order, and starts with some settings changed until the next restart."""
        self.control("stop", "-m", "fast")
        self.running = False
        self.start(**changes)

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A session that commits each statement, and prepares each at its first use."""
        session = psycopg.connect(host=str(self.folder), user=USER, dbname="postgres", autocommit=True)
        session.prepare_threshold = 0
        return session

    def environment(self, options: Mapping[str, str | int | float]) -> dict[str, str]:
        """For client programs: where the server is, and settings of their sessions."""
        settings = " ".join(f"-c {name}={value}" for name, value in options.items())
        plain = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {**plain, "PGHOST": str(self.folder), "PGUSER": USER, "PGDATABASE": "postgres", "PGOPTIONS": settings}

    def close(self) -> None:
        """Ends the server; its files go with the installation."""
        if self.running:
            with suppress(RuntimeError):
                self.control("stop", "-m", "immediate")
            self.running = False


def sql(text: str) -> bytes:
    """A statement that was put together here, of parts of this program alone: psycopg takes such as bytes."""
    return text.encode()


def relation_files(session: psycopg.Connection[tuple[Any, ...]], data: Path, relation: str) -> list[Path]:
    """The files of a relation, all segments of all forks."""
    row = session.execute("SELECT pg_relation_filepath(%s::regclass)", (relation,)).fetchone()
    if row is None or row[0] is None:
        return []
    first = data / row[0]
    return [first, *first.parent.glob(f"{first.name}.*"), *first.parent.glob(f"{first.name}_*")]
