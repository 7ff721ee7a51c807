"""A PostgreSQL server of the tests' own: a temporary cluster, as an unprivileged user, ended by whoever started it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from state.place import Place, PostgresPlace, halt_file_of

PASSWORD = "only-of-the-tests"
USERS = ("postgres", "nobody")  # who runs a server that root must not run
START_SECONDS = 30.0
ROOM_BYTES = 1 << 30


@dataclass(frozen=True)
class Server:
    """A server that answers on ``port`` of this machine, and on a socket in ``folder``."""

    folder: Path
    port: int
    pid: int

    def url(self, schema: str) -> str:
        return f"postgresql://autotrader@127.0.0.1:{self.port}/postgres?schema={schema}"

    def place(self, schema: str, halt_folder: Path) -> PostgresPlace:
        return PostgresPlace(
            f"postgresql://autotrader@127.0.0.1:{self.port}/postgres", schema, (), PASSWORD, halt_folder / "HALT"
        )


def named(place: Place) -> list[str]:
    """A place for another process: its address, and the folder of its file HALT."""
    address = f"sqlite:///{place}" if isinstance(place, Path) else str(place)
    return [address, str(halt_file_of(place).parent)]


def programs() -> Path | None:
    """The folder of the server's programs; Debian keeps them out of the path."""
    found = shutil.which("initdb")
    if found is not None and (Path(found).resolve().parent / "postgres").exists():
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    return versions[-1].parent if versions else None


def why_not() -> str | None:
    """Why no server can be started here; None when one can."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed (the extra `postgres`)"
    if programs() is None:
        return "no PostgreSQL server is installed (on Debian: apt-get install postgresql)"
    if os.geteuid() == 0 and _user() is None:
        return f"PostgreSQL does not run as root, and there is none of the users {', '.join(USERS)}"
    return None


@contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """A server until the end of the block. ``durable``: it waits for the disk, as a real one must."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=None if durable else _quick()))
    binaries, who = programs(), _user()
    assert binaries is not None
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0 and who is not None:
        os.chown(folder, who.pw_uid, who.pw_gid)
        as_user = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
    try:
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        subprocess.run(
            [binaries / "initdb", "--pgdata", folder / "data", "--username=autotrader", "--pwfile", folder / "password",
             "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
            check=True, capture_output=True, cwd=folder, **as_user,
        )  # fmt: skip
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        speed = [] if durable else ["-c", "fsync=off", "-c", "full_page_writes=off"]
        server = subprocess.Popen(
            [binaries / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder, "-c",
             "listen_addresses=127.0.0.1", "-c", "max_connections=60", *speed],
            stdout=subprocess.DEVNULL, stderr=(folder / "log").open("wb"), cwd=folder, **as_user,
        )  # fmt: skip
        try:
            _wait(server, folder, port)
            yield Server(folder, port, server.pid)
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: what it has is thrown away with its folder
            server.wait(START_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _quick() -> Path | None:
    """Memory in place of a disk, where there is enough of it: every test makes tables anew, each a file or two."""
    memory = Path("/dev/shm")
    try:
        return memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_BYTES else None
    except OSError:
        return None


def _wait(server: subprocess.Popen[bytes], folder: Path, port: int) -> None:
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(f"postgresql://autotrader:{PASSWORD}@127.0.0.1:{port}/postgres").close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text()) from None
            time.sleep(0.02)


def _user() -> pwd.struct_passwd | None:
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next((known[name] for name in USERS if name in known), None)


