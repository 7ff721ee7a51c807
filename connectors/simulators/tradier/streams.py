"""Market and account streams: a session by REST, then a websocket or a long HTTP answer with one event a message."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from connectors.simulators.sockets import Broken, Frames, Receive, Scope, Send, wire_of
from connectors.simulators.tradier import render
from connectors.simulators.tradier.prices import day_of
from connectors.simulators.tradier.venue import Venue
from connectors.transport.tasks import until_one_ends

UNREAD_MOST = 20_000
HEARTBEAT_SECONDS = 20.0
KINDS = ("trade", "quote", "summary", "timesale", "tradex")
ACCOUNT_PATH, MARKET_PATH = "/v1/accounts/events", "/v1/markets/events"


class Subscription:
    """What one connection wants of the market, and its events that are not sent yet."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.symbols: set[str] = set()
        self.kinds = set(KINDS)
        self.queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(UNREAD_MOST)
        self._sequence = 0

    def want(self, told: dict[str, Any]) -> list[str]:
        """Take what a client asks for in place of what it had; returns symbols that there are not."""
        symbols = told.get("symbols") or []
        names = symbols.split(",") if isinstance(symbols, str) else symbols
        names = [str(name).strip().upper() for name in names if str(name).strip()]
        kinds = told.get("filter") or KINDS
        self.kinds = set(kinds.split(",") if isinstance(kinds, str) else kinds)
        self.symbols = {name for name in names if self._venue.director.ensure(name)}
        for name in sorted(self.symbols):
            self.moved(name, self._venue.now())
        return [name for name in names if name not in self.symbols and name != "$EMPTY$"]

    def moved(self, symbol: str, now: int) -> None:
        """The quote of a symbol changed."""
        if symbol in self.symbols and not self.queue.full():
            for event in self._events(symbol, now):
                if event["type"] in self.kinds:
                    self.queue.put_nowait(event)

    def _events(self, symbol: str, now: int) -> list[dict[str, Any]]:
        price, ms = self._venue.exchange.prices[symbol], str(now // 1_000_000)
        size, last = str(self._venue.director.volumes.get(symbol, 1)), f"{price.last:f}"
        traded = {"symbol": symbol, "exch": "Q", "price": last, "size": size, "cvol": "0", "date": ms, "last": last}
        regular = self._venue.exchange.hours.state == "open"
        lots = float(price.size if len(symbol) > 15 else price.size // 100)
        self._sequence += 1
        found: list[dict[str, Any]] = [
            {
                "type": "quote", "symbol": symbol, "bid": float(price.bid), "bidsz": lots, "bidexch": "Q",
                "biddate": ms, "ask": float(price.ask), "asksz": lots, "askexch": "P", "askdate": ms,
            },
            {"type": "tradex", **traded},
            {
                "type": "timesale", "symbol": symbol, "exch": "Q", "bid": f"{price.bid:f}", "ask": f"{price.ask:f}",
                "last": last, "size": size, "date": ms, "seq": self._sequence, "flag": "", "cancel": False,
                "correction": False, "session": "normal" if regular else "pre",
            },
        ]  # fmt: skip
        found += [{"type": "trade", **traded}] if regular else []
        return found + (self._summary(symbol, now) if "summary" in self.kinds and self._sequence % 50 == 1 else [])

    def _summary(self, symbol: str, now: int) -> list[dict[str, Any]]:
        if symbol not in self._venue.director.listed:
            return []
        bars = self._venue.director.day_bars(symbol, day_of(now), 15)
        yesterday = self._venue.director.trading_days_before(day_of(now), 1)[0]
        before = self._venue.director.day_bars(symbol, yesterday, 15)
        if not bars or not before:
            return []
        return [{
            "type": "summary", "symbol": symbol, "open": f"{bars[0].open:f}", "high": f"{max(b.high for b in bars):f}",
            "low": f"{min(b.low for b in bars):f}", "prevClose": f"{before[-1].close:f}",
        }]  # fmt: skip


class Socket:
    """One websocket of either stream. A new session of its kind ends it."""

    def __init__(self, venue: Venue, scope: Scope, receive: Receive, send: Send, closing: asyncio.Event) -> None:
        self._venue, self._scope, self._receive, self._send, self._closing = venue, scope, receive, send, closing
        self._wire = wire_of(scope)
        self._frames = Frames[dict[str, Any]](self._wire)
        self._kind = "accounts" if scope["path"] == ACCOUNT_PATH else "markets"
        self._wants = Subscription(venue)
        self._admitted = False
        self._over = asyncio.Event()

    async def run(self) -> None:
        """From the handshake to the end."""
        await self._receive()
        if self._scope["path"] not in (ACCOUNT_PATH, MARKET_PATH):
            await self._send({"type": "websocket.close", "code": 1008})
            return
        await self._send({"type": "websocket.accept"})
        venue = self._venue
        venue.on_order.append(self._order)
        venue.on_move.append(self._wants.moved)
        venue.on_session.append(self._other_session)
        waits = (self._over.wait(), self._closing.wait())
        try:
            errors = await until_one_ends(self._read(), self._write(), self._beat(), *waits)
        finally:
            venue.on_order.remove(self._order)
            venue.on_move.remove(self._wants.moved)
            venue.on_session.remove(self._other_session)
        if self._wire is not None and any(isinstance(error, Broken) for error in errors):
            self._wire.abort()
        with suppress(Exception):
            await self._send({"type": "websocket.close", "code": 1000})

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                return
            try:
                told = json.loads(message.get("text") or message.get("bytes") or b"")
                if not isinstance(told, dict):
                    raise ValueError
            except ValueError:
                await self._text({"error": "invalid JSON"})
                continue
            if not self._admitted and not self._venue.takes(str(told.get("sessionid", "")), self._kind):
                await self._text({"error": "invalid session"})
                return
            self._admitted = True
            if self._kind == "markets":
                for name in self._wants.want(told):
                    await self._text({"error": f"{name} is not a valid symbol"})

    async def _write(self) -> None:
        while True:
            event = await self._wants.queue.get()
            assert event is not None
            await self._frame(event)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if self._admitted and self._kind == "accounts":
                stamp = render.stamp(self._venue.now())
                await self._text({"event": "heartbeat", "status": "active", "timestamp": stamp})

    async def _frame(self, event: dict[str, Any]) -> None:
        """Send an event, or what a fault makes of it."""
        fault = self._venue.faults.frame("account" if self._kind == "accounts" else "market")
        for told in self._frames.after(fault, event):
            await self._text(told)

    async def _text(self, told: dict[str, Any]) -> None:
        await self._send({"type": "websocket.send", "text": json.dumps(told, separators=(",", ":"))})

    def _order(self, event: dict[str, Any]) -> None:
        if self._admitted and self._kind == "accounts" and not self._wants.queue.full():
            self._wants.queue.put_nowait(event)

    def _other_session(self, kind: str) -> None:
        if kind == self._kind and self._admitted:
            self._over.set()


async def http_stream(
    venue: Venue, told: dict[str, str], receive: Receive, send: Send, closing: asyncio.Event
) -> None:
    """The market stream as one long answer; it ends with its client, its session, or the server."""
    if not venue.takes(told.get("sessionid", ""), "markets"):
        await _whole(send, 401, b"Invalid session")
        return
    wants = Subscription(venue)
    over = asyncio.Event()

    def other(kind: str) -> None:
        if kind == "markets":
            over.set()

    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    venue.on_move.append(wants.moved)
    venue.on_session.append(other)
    unknown = wants.want(dict(told))

    async def write() -> None:
        for name in unknown:
            await _line(send, {"error": f"{name} is not a valid symbol"})
        while (event := await wants.queue.get()) is not None:
            if venue.faults.frame("market") is None:
                await _line(send, event)

    async def left() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await until_one_ends(write(), left(), over.wait(), closing.wait())
    finally:
        venue.on_move.remove(wants.moved)
        venue.on_session.remove(other)
    with suppress(Exception):
        await send({"type": "http.response.body", "body": b""})


async def _line(send: Send, told: dict[str, Any]) -> None:
    body = json.dumps(told, separators=(",", ":")).encode() + b"\n"
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _whole(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
