"""The desk behind the HTTP service: the verbs' own functions over the store, the settings and the venues."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any, cast

from engine.cli.cancel import cancel_at_venue
from engine.cli.clock import machine_ns, now_ns
from engine.cli.errors import ExitCode, UserError, exit_code_of
from engine.cli.flatten import flatten_at_venue
from engine.cli.gate.verb import pack_verdict, packs_to_judge, verdicts_json
from engine.cli.halt import halt_everything
from engine.cli.heard import heard
from engine.cli.kept import KeptRun, bring_back
from engine.cli.positions import positions_of, sums_of
from engine.cli.resume import resume_everything
from engine.cli.serve.views import effective_of, providers_of, signals_of
from engine.cli.stores import store_of
from engine.cli.venue import where
from engine.cli.venues import VENUES, VenueName, port_of
from engine.cli.venues.port import VenuePort
from engine.cli.version import __version__
from engine.cli.why import explain
from engine.cli.why_not import trace_at
from engine.execute.flatten import Cleared
from engine.market.inputs import Requested, Wish
from engine.service.desk import Json, Known
from engine.service.metrics import FRESH_SECONDS, WORKER
from engine.service.problems import ServiceError
from engine.settings import LoadedSettings
from state import Mode, Store, StoreError, open_store
from state.service import ServiceBook, service_file

LOOK_SECONDS = 0.02
LONGEST_LOOK_SECONDS = 0.2


class StoreDesk:
    """Implements ``engine.service.desk.Desk`` for the store of one mode. Every thread has a connection of its own."""

    def __init__(self, loaded: LoadedSettings, mode: Mode, venue: VenueName | None = None) -> None:
        self._loaded, self._settings, self._mode, self._venue = loaded, loaded.settings, mode, venue
        self._path = store_of(self._settings, mode)
        open_store(self._path, mode).close()  # it is there from now on
        self._book = ServiceBook(service_file(self._settings.store.path, mode))
        self._threads = threading.local()
        self._kept_lock = threading.Lock()
        self._kept: KeptRun | None = None

    def now_ns(self) -> int:
        return now_ns()

    # -- reading -------------------------------------------------------------------------------------------------------

    def health(self) -> Json:
        found: Json = {"status": "ok", "engine": __version__, "mode": str(self._mode), "store": "ok", "halted": None}
        try:
            with self._store() as store:
                found["halted"] = bool(store.halts.look().operator)
        except (ServiceError, StoreError) as error:
            found |= {"status": "degraded", "store": str(error)}
        up, age, body = self._worker()
        heard = None if age is None else round(age, 3)
        found["worker"] = {"up": up, "run": body.get("run"), "seconds_since_heard": heard}
        if not up:
            found["status"] = "degraded"
        return found

    def providers(self) -> Json:
        with self._refusing():
            return providers_of(self._settings, {name: body for name, (_, body) in self.figures().items()})

    def figures(self) -> Mapping[str, tuple[float, Json]]:
        taken: bool | None = None
        with suppress(ServiceError, StoreError):  # a store that does not answer says nothing of the engine
            taken = self._is_taken()
        told = dict(heard(self._book, taken))
        if self._mode is not Mode.PAPER:  # the streamer is of no mode, and tells of itself beside the paper store
            streams = ServiceBook(service_file(self._settings.store.path, Mode.PAPER))
            told |= {name: one for name, one in heard(streams, None).items() if name != WORKER}
        return told

    def orders(self, *, run: str | None, symbol: str | None, only_open: bool, limit: int) -> Json:
        with self._store() as store:
            found = self._newest(store) if run is None else store.run(run)
            if found is None:
                return {"mode": str(self._mode), "run": None, "book": None, "orders": []}
            rows = store.open_orders(found["book"]) if only_open else store.orders(found["id"])
            rows = [row for row in rows if symbol in (None, row["symbol"])][-limit:]
            return {"mode": str(self._mode), "run": found["id"], "book": found["book"], "orders": rows}

    def order(self, order_id: str) -> Json:
        with self._store() as store:
            row = store.order(order_id)
            life, fills = store.order_events(row["run"], row["client_id"]), store.fills(row["run"], row["client_id"])
            return {"order": row, "life": life, "fills": fills}

    def signals(self, symbol: str | None) -> Json:
        with self._store() as store:
            return _plain(signals_of(self._run(store), symbol, now_ns()))

    def effective(self, symbol: str | None) -> Json:
        with self._refusing():
            return _plain(effective_of(self._loaded, symbol))

    def positions(self, symbol: str | None) -> Json:
        with self._store() as store:
            found = self._newest(store)
            if found is None:
                return {"mode": str(self._mode), "book": None, "positions": []}
            book = found["book"]
            rows = positions_of(store, book, store.balances(book))
            rows = [row for row in rows if symbol in (None, row["symbol"])]
            return _plain({"mode": str(self._mode), "book": book, "positions": rows})

    def balances(self) -> Json:
        with self._store() as store:
            found = self._newest(store)
            if found is None:
                return {"mode": str(self._mode), "book": None, "account": None}
            book = found["book"]
            balances = store.balances(book)
            sums = sums_of(store, book, balances, positions_of(store, book, balances))
            return _plain({"mode": str(self._mode), "book": book, "account": sums})

    def why(self, order_id: str) -> Json:
        with self._store() as store:
            row, _, decision, trace = explain(store, order_id, None)
            decided = {name: decision[name] for name in ("rule", "verdict", "guard", "reason", "guards", "time_ns")}
            life, fills = store.order_events(row["run"], row["client_id"]), store.fills(row["run"], row["client_id"])
            told = None if trace is None else trace.to_json()
            return {"order": row, "decision": decided, "trace": told, "life": life, "fills": fills}

    def why_not(self, rule: str, symbol: str, at: str) -> Json:
        with self._store() as store:
            kept = self._run(store)
            return {"run": kept.run["id"], "trace": trace_at(kept, rule, symbol, at).to_json()}

    def gates(self) -> Json:
        with self._refusing():
            names = packs_to_judge(self._settings, None)
            verdicts = [pack_verdict(self._settings, name) for name in names]
            return _plain(verdicts_json(verdicts, self._settings))

    def halts(self) -> Json:
        with self._store() as store:
            standing, active = store.halts.look(), store.halts.active(now_ns())
            return {"halted": bool(standing.operator or active), "operator": standing.operator or None, "halts": active}

    def request(self, request_id: str) -> Json:
        row = self._book.request(request_id)
        if row is None:
            raise ServiceError(404, "not_found", f"there is no request {request_id}")
        return {"request": request_id, "state": row.state, "run": row.run, **(row.answer or {})}

    def audit(self, limit: int) -> Json:
        return {"audit": self._book.audit(limit)}

    def price_of(self, symbol: str) -> tuple[Decimal | None, Decimal, Decimal]:
        up, _, body = self._worker()
        for one in body.get("symbols", ()) if up else ():
            if one["symbol"] == symbol:
                price = one["mid"] if one["mid"] is not None else one["last"]
                known = None if price is None else Decimal(repr(round(price, 10)))
                return known, Decimal(one["tick_size"]), Decimal(one["lot_size"])
        return None, Decimal("0.01"), Decimal(1)

    # -- acting --------------------------------------------------------------------------------------------------------

    def wish(self, request: Requested) -> Json:
        up, _, body = self._worker()
        if not up and self._is_taken():
            raise ServiceError(
                503, "silent_engine", "an engine runs on this store and does not answer, so nothing is done behind its "
                "back: ask again, or stop it first", retry_after=5,
            )  # fmt: skip
        if not up:
            return self._without_engine(request)
        followed = [one["symbol"] for one in body["symbols"]]
        if request.symbol and request.symbol not in followed:
            names = ", ".join(sorted(followed))
            raise ServiceError(
                404, "unknown_symbol", f"the engine that runs does not follow {request.symbol}; it follows {names}",
                field="symbol",
            )  # fmt: skip
        self._book.ask(request, machine_ns())
        return self._answer(request.id)

    def _answer(self, request_id: str) -> Json:
        """Wait for the engine's answer. A wish that it has not taken by then is taken back: late orders are worse than
        none."""
        deadline = time.monotonic() + float(self._settings.service.wait_seconds)
        pause = LOOK_SECONDS
        while True:
            row = self._book.request(request_id)
            if row is None or row.state in ("done", "lost"):
                return self.request(request_id)
            if time.monotonic() >= deadline:
                break
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)
        if self._book.withdraw(request_id, machine_ns()):
            seconds = self._settings.service.wait_seconds
            raise ServiceError(
                503, "not_taken", f"the engine had no tick within {seconds:f} s, and the request was taken back",
                details={"request": request_id}, retry_after=5,
            )  # fmt: skip
        return self.request(request_id)

    def _without_engine(self, request: Requested) -> Json:
        """What only reduces goes to the venue itself, as `engine cancel` and `engine flatten` do."""
        before = self._book.request(request.id)
        if before is not None and before.state in ("done", "lost", "taken"):
            return self.request(request.id)
        reduces = request.wish is not Wish.ENTER and not request.dry and not request.orders
        if self._mode is Mode.PAPER or not reduces:
            raise ServiceError(
                503, "no_engine", f"no engine runs on the {self._mode} store, and only one that runs decides on "
                "orders: start `engine run`", retry_after=5,
            )  # fmt: skip
        port = self._port()
        with self._refusing():
            symbol = request.symbol or None
            if request.wish is Wish.CANCEL:
                done = cancel_at_venue(port, symbol, request.age_ns)
            else:
                done = flatten_at_venue(port, symbol)
        return _cleared(request.id, where(port), done)

    def _port(self) -> VenuePort:
        """The venue that is acted on where no engine runs: that of the newest run, whose orders and positions these
        are. Raises ServiceError where the settings have no key of it, or it is another one than was chosen."""
        with self._store() as store:
            newest = store.newest_venue()
        if newest not in VENUES:
            raise _misconfigured("no engine has traded on a venue with this store, so there is nothing of it to reduce")
        if self._venue not in (None, newest):
            raise _misconfigured(
                f"the newest run of the {self._mode} store is on {newest}, and this service was begun with --venue "
                f"{self._venue}: begin it with --venue {newest} or without, or use `engine cancel` and `engine flatten`"
            )
        try:
            port = port_of(self._settings, cast(VenueName, newest))
        except Exception as error:
            if exit_code_of(error) is None:
                raise
            raise _misconfigured(str(error)) from None
        if port.mode is not self._mode:
            raise _misconfigured(f"the settings name {where(port)}, and this service is for {self._mode}")
        return port

    def halt(self, reason: str) -> Json:
        with self._refusing():
            file, stores = halt_everything(self._settings, reason)
        return _plain({"halted": True, "file": file, "reason": reason, "stores": stores})

    def resume(self) -> Json:
        with self._refusing():
            names, lifted, troubles = resume_everything(self._settings, now_ns())
        return _plain({"halted": bool(troubles), "lifted": lifted, "stores": names, "troubles": troubles})

    # -- memory --------------------------------------------------------------------------------------------------------

    def begin(self, caller: str, key: str, digest: str) -> Known | None:
        given = self._book.begin(caller, key, digest, machine_ns())
        return None if given is None else Known(*given)

    def give(self, caller: str, key: str, status: int, body: Any) -> None:
        self._book.give(caller, key, status, body)

    def forget(self, caller: str, key: str) -> None:
        self._book.forget(caller, key)

    def note(self, caller: str, action: str, detail: Mapping[str, Any]) -> None:
        self._book.note(caller, action, detail, machine_ns())

    # -- inside --------------------------------------------------------------------------------------------------------

    def _worker(self) -> tuple[bool, float | None, Json]:
        """Whether an engine runs, how many seconds ago it was heard, and what it said."""
        told = self.figures().get(WORKER)
        if told is None:
            return False, None, {}
        age, body = told
        return bool(body["running"]) and age <= FRESH_SECONDS, age, body

    def _is_taken(self) -> bool:
        """Whether an engine has the store, heard of or not."""
        with self._store() as store:
            return store.is_taken

    @property
    def _market(self) -> str | None:
        """The venue whose accounts are shown: with real orders the one that was chosen; else, and on paper, the newest
        run's, whatever its market."""
        return None if self._mode is Mode.PAPER else self._venue

    def _newest(self, store: Store) -> Json | None:
        """The newest run that is shown; None when there is none yet."""
        shown = store.runs() if self._market is None else [v for v in store.venues() if v == self._market]
        return store.run(None, self._market) if shown else None

    def _run(self, store: Store) -> KeptRun:
        """The newest run with its plan, which takes a moment to build and is kept."""
        newest = store.run(None, self._market)
        with self._kept_lock:
            if self._kept is None or self._kept.run["id"] != newest["id"]:
                self._kept = bring_back(store, newest["id"])
            kept = self._kept
        return KeptRun(newest, kept.plan, store)

    @contextmanager
    def _store(self) -> Iterator[Store]:
        with self._refusing():
            store: Store | None = getattr(self._threads, "store", None)
            if store is None:
                store = self._threads.store = open_store(self._path, self._mode, create=False)
            yield store

    @contextmanager
    def _refusing(self) -> Iterator[None]:
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


def _cleared(request_id: str, venue: str, done: Cleared) -> Json:
    """What was done at the venue itself; raises ServiceError where something is left."""
    told: Json = {
        "request": request_id, "state": "done", "verdict": "fired", "guards": {},
        "reason": f"no engine runs, so it was done at {venue} itself",
        "orders": [{"id": o.venue_order_id, "symbol": o.symbol, "side": str(o.side)} for o in done.cancelled],
        "closed": {symbol: str(quantity) for symbol, quantity in done.closed.items()},
        "everything": done.swept or None, "left": done.left,
    }  # fmt: skip
    if done.left:
        raise ServiceError(502, "left", f"not everything could be done: {next(iter(done.left.values()))}", details=told)
    return told


def _plain(value: Mapping[str, Any]) -> Json:
    """JSON values: Decimals and paths become text."""
    plain: Json = json.loads(json.dumps(value, default=str))
    return plain
