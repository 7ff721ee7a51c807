"""The desk behind the HTTP service: the verbs' own functions over the store, the settings and the venues."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any

from engine.cli.clock import machine_ns, now_ns
from engine.cli.gate.verb import pack_verdict, packs_to_judge, verdicts_json
from engine.cli.halt import halt_everything
from engine.cli.heard import heard, taken_of
from engine.cli.kept import KeptRun, bring_back
from engine.cli.positions import positions_of, sums_of
from engine.cli.resume import resume_everything
from engine.cli.serve.views import effective_of, providers_of, signals_of
from engine.cli.serve.wishes import Wishes, refusing, told_of
from engine.cli.stores import store_of
from engine.cli.venues import VenueName
from engine.cli.version import __version__
from engine.cli.why import explain
from engine.cli.why_not import trace_at
from engine.market.inputs import Requested
from engine.service.desk import WORKER, Heard, Json, Known, is_up
from engine.service.problems import ServiceError
from engine.settings import LoadedSettings
from state import Mode, Store, StoreError, open_store
from state.service import ServiceBook, service_file


class StoreDesk:
    """Implements ``engine.service.desk.Desk`` for the store of one mode. Every thread has a connection of its own."""

    def __init__(self, loaded: LoadedSettings, mode: Mode, venue: VenueName | None = None) -> None:
        self._loaded, self._settings, self._mode, self._venue = loaded, loaded.settings, mode, venue
        self._path = store_of(self._settings, mode)
        open_store(self._path, mode).close()  # it is there from now on
        self._book = ServiceBook(service_file(self._settings.store.path, mode))
        self._wishes = Wishes(self._settings, mode, venue, self._book, self._newest_venue)
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
        worker: Heard | None = None
        try:
            worker = self.figures().get(WORKER)
        except ServiceError as error:
            found["store"] = str(error)
        age, body = worker or (None, {})
        since = None if age is None else round(age, 3)
        found["worker"] = {"up": is_up(worker), "run": body.get("run"), "seconds_since_heard": since}
        if not is_up(worker):
            found["status"] = "degraded"
        return found

    def providers(self) -> Json:
        with refusing():
            return providers_of(self._settings, {name: body for name, (_, body) in self.figures().items()})

    def figures(self) -> Mapping[str, Heard]:
        with refusing():
            told = dict(heard(self._book, taken_of(self._settings, self._mode)))
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
        with refusing():
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
        with refusing():
            names = packs_to_judge(self._settings, None)
            verdicts = [pack_verdict(self._settings, name) for name in names]
            return _plain(verdicts_json(verdicts, self._settings))

    def halts(self) -> Json:
        with self._store() as store:
            standing, active = store.halts.look(), store.halts.active(now_ns())
            return {"halted": bool(standing.operator or active), "operator": standing.operator or None, "halts": active}

    def request(self, request_id: str) -> Json:
        with refusing():
            row = self._book.request(request_id)
        if row is None:
            raise ServiceError(404, "not_found", f"there is no request {request_id}")
        return told_of(row)

    def audit(self, limit: int) -> Json:
        with refusing():
            return {"audit": self._book.audit(limit)}

    def price_of(self, symbol: str) -> tuple[Decimal | None, Decimal, Decimal]:
        worker = self.figures().get(WORKER)
        for one in worker[1]["symbols"] if worker is not None and is_up(worker) else ():
            if one["symbol"] == symbol:
                price = one["mid"] if one["mid"] is not None else one["last"]
                known = None if price is None else Decimal(repr(round(price, 10)))
                return known, Decimal(one["tick_size"]), Decimal(one["lot_size"])
        return None, Decimal("0.01"), Decimal(1)

    # -- acting --------------------------------------------------------------------------------------------------------

    def wish(self, request: Requested) -> Json:
        worker: Heard | None = None
        with suppress(ServiceError):  # a file that cannot be read is told where it is needed
            worker = self.figures().get(WORKER)
        return self._wishes.make(request, worker)

    def halt(self, reason: str) -> Json:
        with refusing():
            file, stores = halt_everything(self._settings, reason)
        return _plain({"halted": True, "file": file, "reason": reason, "stores": stores})

    def resume(self) -> Json:
        with refusing():
            names, lifted, troubles = resume_everything(self._settings, now_ns())
        return _plain({"halted": bool(troubles), "lifted": lifted, "stores": names, "troubles": troubles})

    # -- memory --------------------------------------------------------------------------------------------------------

    def begin(self, caller: str, key: str, digest: str) -> Known | None:
        with refusing():
            given = self._book.begin(caller, key, digest, machine_ns())
        return None if given is None else Known(*given)

    def give(self, caller: str, key: str, status: int, body: Any) -> None:
        with refusing():
            self._book.give(caller, key, status, body)

    def forget(self, caller: str, key: str) -> None:
        with refusing():
            self._book.forget(caller, key)

    def note(self, caller: str, action: str, detail: Mapping[str, Any]) -> None:
        with refusing():
            self._book.note(caller, action, detail, machine_ns())

    # -- inside --------------------------------------------------------------------------------------------------------

    def _newest_venue(self) -> str | None:
        with self._store() as store:
            return store.newest_venue()

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
        with refusing():
            store: Store | None = getattr(self._threads, "store", None)
            if store is None:
                store = self._threads.store = open_store(self._path, self._mode, create=False)
            try:
                yield store
            except StoreError:
                # A database that was away does not come back in the same connection.
                self._threads.store = None
                store.close()
                raise


def _plain(value: Mapping[str, Any]) -> Json:
    """JSON values: Decimals and paths become text."""
    plain: Json = json.loads(json.dumps(value, default=str))
    return plain
