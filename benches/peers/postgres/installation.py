"""PostgreSQL with vector_ext beside what it has, made without touching any installed file.

A server looks for its share and library folders relative to its own program. So this is a folder
tree of the same shape: the programs that look are copied, everything else is linked.
"""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from peers import PROJECT

COPIED = ("postgres", "initdb", "pg_ctl")


def unprivileged() -> pwd.struct_passwd | None:
    """Who runs the servers when we are root, which they refuse to be."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("neither a user postgres nor a user nobody exists")


class Installation:
    """A private installation; `close` removes it."""

    def __init__(self, pg_config: Path, library: Path) -> None:
        self.user = unprivileged()
        self.root = Path(tempfile.mkdtemp(prefix="vector_ext-bench-"))
        self.root.chmod(0o755)
        self.version = ask(pg_config, "--version")
        programs, share, package_lib = (
            Path(ask(pg_config, option)).resolve() for option in ("--bindir", "--sharedir", "--pkglibdir")
        )
        source = Path(os.path.commonpath((programs, share, package_lib)))
        # Two folders down: packed builds find libraries of theirs beside the folder above their own.
        prefix = self.root / "tree" / source.parent.name / source.name
        link_all(source, prefix)
        for packed in source.parent.parent.glob("*.libs"):
            (self.root / "tree" / packed.name).symlink_to(packed)
        self.bin = own_folder(prefix, programs.relative_to(source), COPIED)
        self.extensions = own_folder(prefix, (share / "extension").relative_to(source))
        self.modules = own_folder(prefix, package_lib.relative_to(source))
        shutil.copy(PROJECT / "vector_ext.control", self.extensions)
        shutil.copy(PROJECT / "sql/vector_ext.sql", self.extensions / f"vector_ext--{extension_version()}.sql")
        shutil.copy(library, self.modules / "vector_ext.so")

    def need_pgvector(self) -> None:
        """An error where genuine pgvector is not among the extensions."""
        if not (self.extensions / "vector.control").exists():
            raise RuntimeError(f"{self.version} has no pgvector; `scripts/setup peers` fetches one that has")

    def folder(self, name: str) -> Path:
        """A new folder that the server's user owns."""
        made = self.root / name
        made.mkdir(mode=0o700)
        if self.user:
            os.chown(made, self.user.pw_uid, self.user.pw_gid)
        return made

    def run(self, program: str, *arguments: str | Path) -> None:
        """A server program, as the user that may run it; an error with all it printed where it fails."""
        identity = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        # A server that pg_ctl starts inherits what it has open, so its output goes to a file, not to a pipe.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [self.bin / program, *arguments],
                cwd=self.root,
                env=without_settings(),
                stdout=output,
                stderr=output,
                check=False,
                **identity,  # type: ignore[call-overload]
            )
            output.seek(0)
            if done.returncode:
                raise RuntimeError(f"{program} failed: {output.read()}")

    def close(self) -> None:
        """Removes all files."""
        shutil.rmtree(self.root, ignore_errors=True)


def ask(pg_config: Path, option: str) -> str:
    """What pg_config answers."""
    return subprocess.run([pg_config, option], check=True, capture_output=True, text=True).stdout.strip()


def without_settings() -> dict[str, str]:
    """The environment without a caller's settings of PostgreSQL clients."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def extension_version() -> str:
    """The version of vector_ext, as its control file has it."""
    found = re.search(r"default_version\s*=\s*'([^']+)'", (PROJECT / "vector_ext.control").read_text())
    if not found:
        raise RuntimeError("vector_ext.control has no default_version")
    return found[1]


def link_all(source: Path, target: Path) -> None:
    """Makes `target` with a link to each entry of `source`."""
    target.mkdir(parents=True)
    for entry in source.iterdir():
        (target / entry.name).symlink_to(entry)


def own_folder(prefix: Path, inner: Path, copied: tuple[str, ...] = ()) -> Path:
    """Turns the links on the way to `inner` into folders of links, and of copies of what shall be copied."""
    at = prefix
    for part in inner.parts:
        at /= part
        if at.is_symlink():
            source = at.resolve()
            at.unlink()
            link_all(source, at)
    for name in copied:
        source = (at / name).resolve()
        (at / name).unlink()
        shutil.copy(source, at / name)
    return at
