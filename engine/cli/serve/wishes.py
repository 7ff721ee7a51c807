"""What becomes of a person's wish: the engine that runs decides on it. What only reduces is done at the venue itself
where no engine does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore
from typing import cast

from engine.cli.cancel import cancel_at_venue
from engine.cli.errors import ExitCode, UserError, exit_code_of
from engine.cli.flatten import flatten_at_venue
from engine.cli.hand_over import Hold, asked, reduced
from engine.cli.heard import taken_of
from engine.cli.venue import where
from engine.cli.venues import VENUES, VenueName, port_of
from engine.cli.venues.port import VenuePort
from engine.execute.flatten import Cleared
from engine.market.inputs import Requested, Wish
from engine.service.desk import Heard, Json, is_up
from engine.service.problems import ServiceError
from engine.settings import Settings
from state import Mode, StoreError
from state.service import RequestRow, ServiceBook

# At once, of the service's forty threads: a halt must not wait for those that wait for an engine or a venue.
MOST_WAITING = 16
MOST_REDUCING = 12
WHY = {
    Hold.ALONE: "no engine runs",
    Hold.TAKEN: "the engine that runs did not do it",
    Hold.UNKNOWN: "whether an engine runs is not known, as the store cannot be asked",
}


class Wishes:
    """``venue``: the one that was chosen, if any; ``newest_venue``: of the newest run in the store, None without one;
    may raise ServiceError."""

    def __init__(
        self, settings: Settings, mode: Mode, venue: VenueName | None, book: ServiceBook,
        newest_venue: Callable[[], str | None],
    ) -> None:  # fmt: skip
        self._settings, self._mode, self._venue, self._book = settings, mode, venue, book
        self._newest_venue = newest_venue
        self._seconds = float(settings.service.wait_seconds)
        self._waiting, self._reducing = BoundedSemaphore(MOST_WAITING), BoundedSemaphore(MOST_REDUCING)

    def make(self, request: Requested, worker: Heard | None) -> Json:
        """See ``engine.service.desk.Desk.wish``. ``worker``: what the engine that runs has told of itself last."""
        if self._mode is not Mode.PAPER and request.wish is not Wish.ENTER:
            with _place(self._reducing, f"{MOST_REDUCING} requests cancel or close already"):
                return self._reduce(request, worker)
        if worker is None or not is_up(worker):
            return self._without_engine(request)
        if not _follows(worker, request.symbol):
            names = ", ".join(sorted(one["symbol"] for one in worker[1]["symbols"]))
            raise ServiceError(
                404, "unknown_symbol", f"the engine that runs does not follow {request.symbol}; it follows {names}",
                field="symbol",
            )  # fmt: skip
        with refusing(), _place(self._waiting, f"{MOST_WAITING} requests wait for the engine"):
            row = asked(self._book, request, self._seconds)
        if row.state == "withdrawn":
            raise ServiceError(
                503, "not_taken", f"the engine had no tick within {self._seconds:g} s, and the request was taken back",
                details={"request": request.id}, retry_after=5,
            )  # fmt: skip
        return told_of(row)

    def _without_engine(self, request: Requested) -> Json:
        """Nobody decides: what is known of an earlier asking, else that it was not done."""
        with refusing():
            before = self._book.request(request.id)
        if before is not None and before.state in ("done", "lost", "taken"):
            return told_of(before)
        if taken_of(self._settings, self._mode):
            raise ServiceError(
                503, "silent_engine", "an engine runs on this store and does not answer, and no other decides on "
                "orders: ask again, or stop it first", retry_after=5,
            )  # fmt: skip
        raise ServiceError(
            503, "no_engine", f"no engine runs on the {self._mode} store, and only one that runs decides on orders: "
            "start `engine run`", retry_after=5,
        )  # fmt: skip

    # -- what only reduces ---------------------------------------------------------------------------------------------

    def _reduce(self, request: Requested, worker: Heard | None) -> Json:
        """By the engine that runs; at the venue where none does, it does not answer in time, or has nothing of it."""
        known = self._answered(request.id)
        if known is not None:
            return known

        def ask(book: ServiceBook) -> Json | None:
            if worker is not None and is_up(worker) and not _follows(worker, request.symbol):
                return None
            try:
                row = asked(book, request, self._seconds)
            except StoreError:
                return None
            return told_of(row) if row.state == "done" else None

        return reduced(self._settings, self._mode, ask, lambda hold: self._at_venue(request, worker, hold))

    def _answered(self, request_id: str) -> Json | None:
        """What an engine answered to the same wish before."""
        try:
            row = self._book.request(request_id)
        except StoreError:
            return None  # a file that cannot be read stops nothing that reduces
        return told_of(row) if row is not None and row.state == "done" else None

    def _at_venue(self, request: Requested, worker: Heard | None, hold: Hold) -> Json:
        """As `engine flatten` does it, and `engine cancel` except that what could reduce a position stays."""
        port, symbol = self._port(worker, hold), request.symbol or None
        with refusing():
            if request.wish is Wish.CANCEL:
                ids = request.orders
                done = cancel_at_venue(port, symbol, request.age_ns, only=ids, entries=not ids)
            else:
                done = flatten_at_venue(port, symbol)
        return _cleared(request.id, where(port), done, WHY[hold])

    def _port(self, worker: Heard | None, hold: Hold) -> VenuePort:
        """The venue that is acted on: that of the newest run, whose orders and positions these are. Raises ServiceError
        where the settings have no key of it, or it is another one than was chosen."""
        newest = self._newest(worker, hold)
        if newest is None:
            raise _misconfigured(
                "no engine has traded on a venue with this store, as far as is known, so there is nothing of it to "
                "reduce; `engine cancel --venue NAME` and `engine flatten --venue NAME` need no store"
            )
        if self._venue not in (None, newest):
            raise _misconfigured(
                f"the newest run of the {self._mode} store is on {newest}, and this service was begun with --venue "
                f"{self._venue}: begin it with --venue {newest} or without, or use `engine cancel` and `engine flatten`"
            )
        try:
            port = port_of(self._settings, newest)
        except Exception as error:
            if exit_code_of(error) is None:
                raise
            raise _misconfigured(str(error)) from None
        if port.mode is not self._mode:
            raise _misconfigured(f"the settings name {where(port)}, and this service is for {self._mode}")
        return port

    def _newest(self, worker: Heard | None, hold: Hold) -> VenueName | None:
        """The venue of the newest run; by what its engine told where the store cannot be read, else as was chosen."""
        told = None if worker is None else str(worker[1].get("book")).partition(" ")[0]
        newest = told or self._venue
        if hold is not Hold.UNKNOWN:
            with suppress(ServiceError):
                newest = self._newest_venue()
        return cast(VenueName, newest) if newest in VENUES else None


@contextmanager
def _place(places: BoundedSemaphore, taken: str) -> Iterator[None]:
    """One of few places; raises ServiceError where all are ``taken``."""
    if not places.acquire(blocking=False):
        raise ServiceError(503, "busy", f"{taken}; ask again", retry_after=1)
    try:
        yield
    finally:
        places.release()


def _follows(worker: Heard, symbol: str) -> bool:
    """Whether the engine that runs has anything to do with a symbol; with all of them where none is named."""
    return not symbol or symbol in [one["symbol"] for one in worker[1]["symbols"]]


def told_of(row: RequestRow) -> Json:
    """A wish as it stands, for a caller."""
    return {"request": row.request.id, "state": row.state, "run": row.run, **(row.answer or {})}


@contextmanager
def refusing() -> Iterator[None]:
    """What the verbs say to a user is said to a caller."""
    try:
        yield
    except UserError as error:
        status, code = (502, "venue") if error.code is ExitCode.VENUE else (404, "not_found")
        raise ServiceError(status, code, str(error)) from None
    except StoreError as error:
        text = str(error)
        known = " has no " in text or " could be " in text
        raise ServiceError(404 if known else 503, "not_found" if known else "store", text) from None


def _misconfigured(text: str) -> ServiceError:
    """Nothing can be done at the venue, and a person has to mend settings first."""
    return ServiceError(503, "venue_config", text)


def _cleared(request_id: str, venue: str, done: Cleared, why: str) -> Json:
    """What was done at the venue itself; raises ServiceError where something is left."""
    told: Json = {
        "request": request_id, "state": "done", "verdict": "fired", "guards": {},
        "reason": f"{why}, so it was done at {venue} itself",
        "orders": [{"id": o.venue_order_id, "symbol": o.symbol, "side": str(o.side)} for o in done.cancelled],
        "closed": {symbol: str(quantity) for symbol, quantity in done.closed.items()},
        "everything": done.swept or None, "left": done.left,
    }  # fmt: skip
    if done.left:
        raise ServiceError(502, "left", f"not everything could be done: {next(iter(done.left.values()))}", details=told)
    return told
