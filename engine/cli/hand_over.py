"""What only reduces goes through the engine that runs, where one does: beside it, its stops and targets would come back
after each cancel, and race with what closes the position. What no engine does is done at the venue itself, and nothing
stops that: no engine that hangs, and no store that cannot be asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import TypeVar

from engine.cli.clock import machine_ns
from engine.cli.heard import heard
from engine.cli.stores import store_of
from engine.market.inputs import Requested
from engine.service.desk import WORKER, is_up
from engine.settings import Settings
from state import Mode, StoreError, TakenError, claimed
from state.service import RequestRow, ServiceBook, service_file

TAKEN_SECONDS = 5.0  # how long an engine may take to answer: it looks at every tick, and at least once a second
LOOK_SECONDS = 0.02
LONGEST_LOOK_SECONDS = 0.2

T = TypeVar("T")


class Hold(StrEnum):
    """Who has the store of a mode: this call alone; another process, as a rule an engine; or that cannot be known."""

    ALONE = "alone"
    TAKEN = "taken"
    UNKNOWN = "unknown"


def reduced(settings: Settings, mode: Mode, ask: Callable[[ServiceBook], T | None], act: Callable[[Hold], T]) -> T:
    """Reduce through the engine that runs on the store of a mode, by ``ask``, and by ``act`` at the venue where none
    does, or where ``ask`` says None: what it has not done. Where it can be had, the store is held while something is
    done at the venue: an engine that would begin meanwhile is told so, and does not work on what is being closed.
    """
    with _held(settings, mode) as hold:
        if hold is Hold.ALONE:
            return act(hold)
    book = _book_of(settings, mode, hold)
    told = None if book is None else ask(book)
    if told is not None:
        return told
    if hold is Hold.UNKNOWN:  # asked once more it would only take as long again
        return act(hold)
    with _held(settings, mode) as hold:
        return act(hold)


def asked(book: ServiceBook, request: Requested, seconds: float) -> RequestRow:
    """Leave a wish for the engine that runs and wait so long for its answer: the wish as it stands then. What had not
    been taken is withdrawn, and no engine will do it later; ``taken`` means that one is at work on it, or hangs.
    Raises StoreError.
    """
    ends, pause = time.monotonic() + seconds, LOOK_SECONDS
    book.ask(request, machine_ns())
    while (row := _row(book, request.id)).state in ("waiting", "taken") and time.monotonic() < ends:
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)
    if row.state == "waiting":
        book.withdraw(request.id, machine_ns())
        row = _row(book, request.id)
    return row


@contextmanager
def _held(settings: Settings, mode: Mode) -> Iterator[Hold]:
    """Have the store if it can be had. What fails inside is not the store's failure."""
    with ExitStack() as stack:
        hold = Hold.ALONE
        try:
            stack.enter_context(claimed(store_of(settings, mode)))
        except TakenError:
            hold = Hold.TAKEN
        except StoreError:
            hold = Hold.UNKNOWN
        yield hold


def _book_of(settings: Settings, mode: Mode, hold: Hold) -> ServiceBook | None:
    """Where a wish is left; None where nobody would take it. Where the lock cannot tell, an engine runs that was heard
    of lately."""
    path = service_file(settings.store.path, mode)
    if not path.exists():
        return None
    try:
        book = ServiceBook(path)
        return book if hold is Hold.TAKEN or is_up(heard(book, None).get(WORKER)) else None
    except StoreError:
        return None


def _row(book: ServiceBook, request_id: str) -> RequestRow:
    row = book.request(request_id)
    if row is None:
        raise StoreError(f"{book.path} has lost the request {request_id}; ask again")
    return row
