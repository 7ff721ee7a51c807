"""The kill switch: what stops entries, kept where a restart finds it.

Two places, because a switch must work when one of them does not: rows of the store, which say who stopped what and
why, and a file ``HALT`` beside it, which any person, script or monitor can make and remove without an engine.
Neither ever stops a cancel or a reduction; that is the rules' part (``Decider.halt``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from engine.market.inputs import FOREVER_NS, OPERATOR, Halted, Standing
from state.connection import Connection
from state.errors import StoreError
from state.place import Place, halt_file_of

NO_REASON: Final = "no reason was given"
LONGEST_REASON: Final = 500


class Halts:
    """The kill switch of one store. ``look`` is made to be called at every tick."""

    def __init__(self, connection: Connection) -> None:
        self.file = halt_file_of(connection.place)
        self._connection = connection
        self._stale = True
        self._kept = ""
        self._resumes = 0

    def look(self) -> Standing:
        """What is in force now. Costs two system calls while nobody else writes to the file, or one question
        to the database; raises StoreError."""
        with self._connection.explained():
            if self._connection.may_have_changed() or self._stale:
                self._read()
                self._stale = False
        return Standing(self._said_by_file() or self._kept, self._resumes)

    def standing(self, book: str, now_ns: int) -> Standing:
        """As ``look``, with what the guards of a book have halted and not yet let go: for a start."""
        query = "SELECT until_ns, by, reason FROM halts WHERE book = ? AND lifted_ns IS NULL AND until_ns > ?"
        with self._connection.explained():
            rows = self._connection.execute(query, (book, now_ns)).fetchall()
        return self.look()._replace(guards=tuple(Halted(*row) for row in rows))

    def _read(self) -> None:
        query = (
            "SELECT (SELECT reason FROM halts WHERE by = ? AND lifted_ns IS NULL ORDER BY id LIMIT 1), "
            "(SELECT count(*) FROM halts WHERE lifted_ns IS NOT NULL)"
        )
        kept, self._resumes = self._connection.execute(query, (OPERATOR,)).fetchone()
        self._kept = kept or ""

    def _said_by_file(self) -> str:
        return said_by_file(self.file)

    # -- changing --------------------------------------------------------------------------------------------------

    def halt(self, why: str, now_ns: int) -> None:
        """Stop entries of every engine on this store until ``resume``; a second halt adds nothing but its reason."""
        if not why.strip() and any(halt["by"] == OPERATOR for halt in self.active(now_ns)):
            return
        with self._connection.transaction():
            row = (now_ns, OPERATOR, "", _one_line(why), FOREVER_NS)
            self._connection.execute(
                "INSERT INTO halts (time_ns, by, book, reason, until_ns) VALUES (?, ?, ?, ?, ?)", row
            )
        self._stale = True

    def resume(self, now_ns: int, *, keep_file: bool = False) -> list[dict[str, Any]]:
        """Lift every halt, those of guards too, and remove the file; returns what was lifted, by, reason and since.

        ``keep_file``: the file stays, which stops every store of its folder.
        """
        lifted = self.active(now_ns)
        with self._connection.transaction():
            self._connection.execute("UPDATE halts SET lifted_ns = ? WHERE lifted_ns IS NULL", (now_ns,))
        said = "" if keep_file else remove_halt_file(self._connection.place)
        if said:
            lifted.append({"time_ns": None, "by": str(self.file), "book": "", "reason": said})
        self._stale = True
        return lifted

    def active(self, now_ns: int) -> list[dict[str, Any]]:
        """Every halt of the store that is in force, the oldest first (the file is not among them)."""
        query = "SELECT time_ns, by, book, reason FROM halts WHERE lifted_ns IS NULL AND until_ns > ? ORDER BY id"
        with self._connection.explained():
            rows = self._connection.execute(query, (now_ns,)).fetchall()
        return [dict(zip(("time_ns", "by", "book", "reason"), row, strict=True)) for row in rows]


def said_by_file(file: Path) -> str:
    """The first line of a file HALT; one that is there and cannot be read halts all the same."""
    try:
        file.stat()  # much quicker than an attempt to open what is not there
        with file.open(encoding="utf-8", errors="replace") as text:
            return text.readline(LONGEST_REASON).strip() or f"{file} is there"
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{file} is there ({error.strerror})"


def make_halt_file(store: Place, why: str) -> Path:
    """The file that halts every engine whose store is in this folder; works when the store does not. One that is there
    keeps its reason unless another is given."""
    path = halt_file_of(store)
    try:
        if not why.strip() and path.exists():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_one_line(why) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}; make its folder writable") from None
    return path


def remove_halt_file(store: Place) -> str:
    """Take the file away and say its reason, empty when it was not there. Raises StoreError."""
    path = halt_file_of(store)
    said = said_by_file(path)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path} cannot be removed: {error.strerror}; remove it by hand") from None
    return said


def _one_line(why: str) -> str:
    return " ".join(why.split())[:LONGEST_REASON] or NO_REASON
