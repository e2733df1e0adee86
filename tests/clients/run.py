"""Starts one private cluster and runs the tests of the clients on it, language by language.

`make test-clients` calls this; it sets PGHOST, PGUSER and PGDATABASE, which every client reads.
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from peers import PROJECT
from peers.postgres.cluster import Cluster
from peers.postgres.installation import Installation

HERE = Path(__file__).parent
TARGET = PROJECT / "target"
SETTINGS = {"fsync": "off", "jit": "off", "max_connections": "50"}

Run = Callable[[Mapping[str, str]], int]


def hide_pgvector(installation: Installation) -> None:
    """Takes pgvector out, where the PostgreSQL has it: no client shall meet it by mistake."""
    for link in (*installation.extensions.glob("vector.control"), *installation.extensions.glob("vector--*")):
        link.unlink()
    (installation.modules / "vector.so").unlink(missing_ok=True)


def add_shim(installation: Installation) -> None:
    """Adds the extension `vector` as `make install-shim` does, where this version has it."""
    if (PROJECT / "shim/vector.control").exists():
        subprocess.run([PROJECT / "scripts/shim", "install", installation.extensions, installation.modules], check=True)


def call(environment: Mapping[str, str], *command: str | Path) -> int:
    """Runs a program in the folder of these tests."""
    return subprocess.run(command, cwd=HERE, env=dict(environment), check=False).returncode


def run_python(environment: Mapping[str, str]) -> int:
    """All but LangChain's, which wants an older pgvector package and has an environment of its own."""
    return call(
        environment,
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--durations=8",
        "python",
        "--ignore=python/test_langchain.py",
    )


def run_langchain(environment: Mapping[str, str]) -> int:
    """Of the same folder, so with the same fixtures."""
    python = TARGET / "venv-clients-langchain/bin/python"
    return call(environment, python, "-m", "pytest", "-q", "python/test_langchain.py")


def run_node(environment: Mapping[str, str]) -> int:
    """Beside node_modules, for imports are looked up from where a file is."""
    folder = TARGET / "clients-node"
    for file in (HERE / "node").glob("*.mjs"):
        shutil.copy(file, folder)
    tests = sorted(file.name for file in (HERE / "node").glob("*.test.mjs"))
    return subprocess.run(
        ["node", "--test", "--test-reporter=spec", *tests], cwd=folder, env=dict(environment), check=False
    ).returncode


def run_rust(environment: Mapping[str, str]) -> int:
    """A package of its own, so that its dependencies are not those of the extension."""
    manifest = HERE / "rust/Cargo.toml"
    options = ("--locked", "--quiet", "--manifest-path", manifest, "--target-dir", TARGET / "clients-rust")
    return call(environment, "cargo", "test", *options)


LANGUAGES: Mapping[str, Run] = {
    "python": run_python,
    "langchain": run_langchain,
    "node": run_node,
    "rust": run_rust,
}


def main() -> int:
    """All languages are run, also after one that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", type=Path, required=True, help="pg_config of the PostgreSQL to run")
    parser.add_argument("--library", type=Path, required=True, help="the compiled vector_ext.so")
    parser.add_argument("--only", choices=LANGUAGES, nargs="*", default=list(LANGUAGES))
    options = parser.parse_args()
    with closing(Installation(options.server, options.library)) as installation:
        hide_pgvector(installation)
        add_shim(installation)
        with closing(Cluster(installation, "clients", SETTINGS)) as cluster:
            print(installation.version, flush=True)
            failed = []
            for name in options.only:
                began = time.monotonic()
                code = LANGUAGES[name](cluster.environment({}))
                print(f"{name}: {'failed' if code else 'passed'}, {time.monotonic() - began:.1f} s", flush=True)
                failed += [name] * bool(code)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
