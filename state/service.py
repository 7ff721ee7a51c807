"""What the HTTP service and the engine that runs tell each other, and what the service must not forget.

One small SQLite file beside the store: wishes of people and their answers, answers that were given to idempotency
keys, who did what with which token, and the figures of processes. It holds no order and no money: those are in the
store, which only the engine that runs writes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.market.inputs import Requested
from state.errors import StoreError
from state.inputs import requested

APPLICATION_ID: Final = 0x41545256
BUSY_SECONDS: Final = 2.0  # an engine must not wait long for anybody else here
VERSION: Final = 1
KEPT_NS: Final = 7 * 86_400 * 1_000_000_000  # how long answers to idempotency keys are kept

_SCHEMA: Final = """
CREATE TABLE requests (
    id TEXT PRIMARY KEY, time_ns INTEGER NOT NULL, wish TEXT NOT NULL, state TEXT NOT NULL, run TEXT, answer TEXT,
    changed_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX requests_by_state ON requests (state, time_ns);
CREATE TABLE answers (
    caller TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, status INTEGER, body TEXT, time_ns INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) WITHOUT ROWID;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, caller TEXT NOT NULL, action TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE TABLE figures (process TEXT PRIMARY KEY, time_ns INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'what was done stays'); END;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'what was done stays'); END;
"""


def service_file(store: Path, mode: str) -> Path:
    """The file that belongs to the store of a mode; ``store`` is ``store.path`` of the settings. It is a file of this
    machine also where orders and money are in a database."""
    of_mode = "" if mode == "paper" else f"-{mode}"
    return store.with_name(f"{store.stem}{of_mode}-service{store.suffix}")


class RequestRow(NamedTuple):
    """A wish as it stands. ``state``: waiting, taken (an engine has it), done, withdrawn (nobody took it in time) or
    lost (its engine ended before it answered). ``answer``: JSON values, None until there is one."""

    request: Requested
    state: str
    run: str | None
    answer: dict[str, Any] | None


class GivenAnswer(NamedTuple):
    """What a caller was answered under a key; ``status`` None while that is under way."""

    digest: str
    status: int | None
    body: Any


class Figures(NamedTuple):
    """What a process told of itself, and when."""

    time_ns: int
    body: dict[str, Any]


class ServiceBook:
    """Any number of threads and processes may use one file; every call opens it anew. Raises StoreError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as connection:
            _make(connection, path)

    # -- wishes: the side of the service -------------------------------------------------------------------------------

    def ask(self, request: Requested, now_ns: int) -> None:
        """Lay a wish down for the engine that runs. One of the same id that is there already stays as it is, unless it
        had been taken back."""
        row = (request.id, now_ns, _text(list(request)), now_ns)
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO requests (id, time_ns, wish, state, changed_ns) VALUES (?, ?, ?, 'waiting', ?) "
                "ON CONFLICT (id) DO UPDATE SET state = 'waiting', time_ns = excluded.time_ns, wish = excluded.wish, "
                "changed_ns = excluded.changed_ns WHERE state = 'withdrawn'", row,
            )  # fmt: skip

    def withdraw(self, request_id: str, now_ns: int) -> bool:
        """Take a wish back that no engine has taken; False when one has."""
        query = "UPDATE requests SET state = 'withdrawn', changed_ns = ? WHERE id = ? AND state = 'waiting'"
        with self._writing() as connection:
            return connection.execute(query, (now_ns, request_id)).rowcount == 1

    def request(self, request_id: str) -> RequestRow | None:
        """A wish by its id."""
        with self._open() as connection:
            row = connection.execute(
                "SELECT wish, state, run, answer FROM requests WHERE id = ?", (request_id,)
            ).fetchone()
        if row is None:
            return None
        wish, state, run, answer = row
        return RequestRow(requested(json.loads(wish)), state, run, None if answer is None else json.loads(answer))

    # -- wishes: the side of the engine --------------------------------------------------------------------------------

    def requests(self) -> RequestQueue:
        """The queue as an engine sees it, with a connection of its own."""
        return RequestQueue(_connect(self.path), self.path)

    # -- answers to keys -----------------------------------------------------------------------------------------------

    def begin(self, caller: str, key: str, digest: str, now_ns: int) -> GivenAnswer | None:
        """Note that a call under this key begins; what is known of an earlier one, None when it is the first."""
        with self._writing() as connection:
            connection.execute("DELETE FROM answers WHERE time_ns < ?", (now_ns - KEPT_NS,))
            row = connection.execute(
                "SELECT digest, status, body FROM answers WHERE caller = ? AND key = ?", (caller, key)
            ).fetchone()
            if row is None:
                connection.execute(
                    "INSERT INTO answers (caller, key, digest, time_ns) VALUES (?, ?, ?, ?)",
                    (caller, key, digest, now_ns),
                )
        return None if row is None else GivenAnswer(row[0], row[1], None if row[2] is None else json.loads(row[2]))

    def give(self, caller: str, key: str, status: int, body: Any) -> None:
        """Keep what was answered under a key."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE answers SET status = ?, body = ? WHERE caller = ? AND key = ?",
                (status, _text(body), caller, key),
            )

    def forget(self, caller: str, key: str) -> None:
        """Nothing was done under a key: it may be used again, with whatever body."""
        with self._writing() as connection:
            connection.execute("DELETE FROM answers WHERE caller = ? AND key = ? AND status IS NULL", (caller, key))

    # -- the rest ------------------------------------------------------------------------------------------------------

    def note(self, caller: str, action: str, detail: Mapping[str, Any], now_ns: int) -> None:
        """Keep for ever who did what."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO audit (time_ns, caller, action, detail) VALUES (?, ?, ?, ?)",
                (now_ns, caller, action, _text(detail)),
            )

    def audit(self, limit: int = 100) -> list[dict[str, Any]]:
        """The newest entries of the audit trail, the newest first."""
        query = "SELECT time_ns, caller, action, detail FROM audit ORDER BY id DESC LIMIT ?"
        with self._open() as connection:
            rows = connection.execute(query, (limit,)).fetchall()
        return [{"time_ns": r[0], "caller": r[1], "action": r[2], "detail": json.loads(r[3])} for r in rows]

    def publish(self, process: str, body: Mapping[str, Any], now_ns: int) -> None:
        """Replace the figures of a process."""
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO figures VALUES (?, ?, ?)", (process, now_ns, _text(body)))

    def figures(self) -> dict[str, Figures]:
        """The last figures of every process, by its name."""
        with self._open() as connection:
            rows = connection.execute("SELECT process, time_ns, body FROM figures ORDER BY process").fetchall()
        return {process: Figures(time_ns, json.loads(body)) for process, time_ns, body in rows}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with _explained(self.path), closing(_connect(self.path)) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._open() as connection, _transaction(connection):
            yield connection


class RequestQueue:
    """What an engine takes wishes from. To be used by one thread."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._version = -1

    def waiting(self) -> bool:
        """Whether there is anything to take."""
        with _explained(self._path):
            if self._connection.execute("PRAGMA data_version").fetchone()[0] == self._version:
                return False
            query = "SELECT EXISTS (SELECT 1 FROM requests WHERE state = 'waiting')"
            return bool(self._connection.execute(query).fetchone()[0])

    def take(self, run: str, now_ns: int) -> list[Requested]:
        """The wishes that wait, the oldest first; from now on they are this run's. Costs next to nothing while nobody
        asks for anything."""
        with _explained(self._path):
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            if version == self._version:
                return []
        waiting = "SELECT id, wish FROM requests WHERE state = 'waiting' ORDER BY time_ns, id"
        mark = "UPDATE requests SET state = 'taken', run = ?, changed_ns = ? WHERE id = ?"
        with _explained(self._path):
            rows = self._connection.execute(waiting).fetchall()
        if rows:
            with _explained(self._path), _transaction(self._connection):
                # Read again under the lock: one that was withdrawn meanwhile must not be taken.
                rows = self._connection.execute(waiting).fetchall()
                self._connection.executemany(mark, [(run, now_ns, row[0]) for row in rows])
        self._version = version
        return [requested(json.loads(wish)) for _, wish in rows]

    def answer(self, request_id: str, answer: Mapping[str, Any], now_ns: int) -> None:
        """What became of a wish."""
        done = "UPDATE requests SET state = 'done', answer = ?, changed_ns = ? WHERE id = ?"
        with _explained(self._path), _transaction(self._connection):
            self._connection.execute(done, (_text(answer), now_ns, request_id))

    def unanswered(self) -> list[Requested]:
        """Wishes that an engine took and never answered."""
        taken = "SELECT wish FROM requests WHERE state = 'taken' ORDER BY time_ns"
        with _explained(self._path):
            rows = self._connection.execute(taken).fetchall()
        return [requested(json.loads(wish)) for (wish,) in rows]

    def lost(self, request_id: str, answer: Mapping[str, Any], now_ns: int) -> None:
        """The engine that took a wish ended before it answered; ``answer`` says what is known of it."""
        query = "UPDATE requests SET state = 'lost', answer = ?, changed_ns = ? WHERE id = ? AND state = 'taken'"
        with _explained(self._path), _transaction(self._connection):
            self._connection.execute(query, (_text(answer), now_ns, request_id))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    """Durable at each commit: a wish that was taken must be known to be taken, whatever dies."""
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What SQLite and the system say of the file, as a StoreError."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except sqlite3.DatabaseError as error:
        mend = "move it away, and the service begins a new one"
        if "locked" in str(error):
            mend = f"another process has kept it for {BUSY_SECONDS:g} s: ask again, or end that process"
        raise StoreError(f"{path} cannot be used: {error}; {mend}") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}; make its folder writable") from None


def _make(connection: sqlite3.Connection, path: Path) -> None:
    with _transaction(connection):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        owner = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and owner != APPLICATION_ID:
            raise StoreError(f"{path} is an SQLite file of another program; name another store with store.path")
        if version > VERSION:
            raise StoreError(f"{path} was written by a newer engine (version {version}, this one knows {VERSION})")
        if version < VERSION:
            statement = ""
            for line in _SCHEMA.splitlines(keepends=True):
                statement += line
                if sqlite3.complete_statement(statement):
                    connection.execute(statement)
                    statement = ""
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        connection.execute("PRAGMA journal_mode = WAL")  # who reads waits for nobody


def _text(value: Any) -> str:
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal | Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")
