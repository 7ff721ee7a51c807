"""Tradier's REST API as one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import TracebackType
from typing import NamedTuple, Self

import httpx

from connectors.tradier.errors import BadAnswer, OutcomeUnknown
from connectors.tradier.hosts import Hosts
from connectors.tradier.http import Timeouts, TradierHttp
from connectors.tradier.models import (
    NEW_YORK,
    Balances,
    BrokerageAccount,
    Closed,
    Day,
    Entry,
    Expiration,
    MarketClock,
    MarketDay,
    Position,
    Profile,
    Quoted,
    Sale,
)
from connectors.tradier.orders import Acknowledged, Listed, Preview, Type
from connectors.tradier.shapes import Fields, one, rows, texts
from connectors.transport.clock import Clock

PAGE = 1000  # of the 1500 that one answer may have; the default would be 25
PAGES_MOST = 200
LONG_LIST = 40  # symbols after which a request is posted


class Stream(NamedTuple):
    """A session of a stream: to be used within five minutes, one at a time for a token."""

    url: str
    session_id: str


class Quotes(NamedTuple):
    """Quotes by symbol, and the symbols that Tradier does not know."""

    found: dict[str, Quoted]
    unknown: tuple[str, ...]


class TradierRest:
    """``async with TradierRest(hosts, token, environment, account) as tradier: await tradier.quotes(["SPY"])``.

    Errors are those of ``connectors.tradier.errors``.
    """

    def __init__(
        self, hosts: Hosts, token: str, environment: str, account: str, *, clock: Clock | None = None,
        timeouts: Timeouts | None = None, transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:  # fmt: skip
        self.http = TradierHttp(hosts, token, environment, clock=clock, timeouts=timeouts, transport=transport)
        self.account = account

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.close()

    # -- the market ----------------------------------------------------------------------------------------------------

    async def quotes(self, symbols: Sequence[str], *, greeks: bool = False) -> Quotes:
        """Quotes of equities, indices and options (OCC symbols). A long list is posted."""
        if not symbols:
            return Quotes({}, ())
        query = {"symbols": ",".join(symbols), "greeks": _flag(greeks)}
        posted = len(symbols) > LONG_LIST
        body = await self.http.read("/markets/quotes", None if posted else query, form=query if posted else None)
        told = [Quoted.of(row) for row in rows(body, "quotes", "quote")]
        outer = body["quotes"] if isinstance(body.get("quotes"), dict) else {}
        unmatched = outer.get("unmatched_symbols")
        unknown = texts(unmatched.get("symbol")) if isinstance(unmatched, dict) else []
        return Quotes({quote.symbol: quote for quote in told}, tuple(unknown))

    async def timesales(
        self, symbol: str, interval: str = "1min", start_ns: int | None = None, end_ns: int | None = None,
        *, open_only: bool = False,
    ) -> list[Sale]:  # fmt: skip
        """Bars (1min, 5min, 15min) or ticks (tick, not in the sandbox) between two instants, by their start."""
        query = {"symbol": symbol, "interval": interval, "session_filter": "open" if open_only else "all"}
        query |= {name: _wall(ns) for name, ns in (("start", start_ns), ("end", end_ns)) if ns is not None}
        body = await self.http.read("/markets/timesales", query)
        return [Sale.of(row) for row in rows(body, "series", "data")]

    async def history(
        self, symbol: str, interval: str = "daily", start: date | None = None, end: date | None = None
    ) -> list[Day]:
        """Daily, weekly or monthly bars."""
        query = {"symbol": symbol, "interval": interval} | _dates(start, end)
        return [Day.of(row) for row in rows(await self.http.read("/markets/history", query), "history", "day")]

    async def clock(self) -> MarketClock:
        """Where the trading day stands."""
        return MarketClock.of(one(await self.http.read("/markets/clock"), "clock"))

    async def calendar(self, year: int, month: int) -> list[MarketDay]:
        """The days of a month."""
        body = await self.http.read("/markets/calendar", {"year": str(year), "month": str(month)})
        days = one(body, "calendar").raw
        return [MarketDay.of(row) for row in rows(days, "days", "day")]

    async def expirations(self, symbol: str, *, strikes: bool = False, all_roots: bool = True) -> list[Expiration]:
        """When options on ``symbol`` expire; ``all_roots``: of SPXW beside SPX, too."""
        query = {"symbol": symbol, "includeAllRoots": _flag(all_roots)}
        wanted = {"strikes": "true", "contractSize": "true", "expirationType": "true"} if strikes else {}
        body = await self.http.read("/markets/options/expirations", query | wanted)
        if strikes:
            return [_expiration(row) for row in rows(body, "expirations", "expiration")]
        outer = body.get("expirations")
        found = texts(outer.get("date")) if isinstance(outer, dict) else []
        return [Expiration(Fields({"date": d}, "expirations").day("date"), None, "", ()) for d in found]

    async def strikes(self, symbol: str, expiration: date) -> list[Decimal]:
        """The strikes of one expiration."""
        query = {"symbol": symbol, "expiration": expiration.isoformat()}
        outer = (await self.http.read("/markets/options/strikes", query)).get("strikes")
        return _decimals(outer, "strikes") if isinstance(outer, dict) else []

    async def chain(self, symbol: str, expiration: date, *, greeks: bool = True) -> list[Quoted]:
        """Quotes of all options on ``symbol`` that expire then."""
        query = {"symbol": symbol, "expiration": expiration.isoformat(), "greeks": _flag(greeks)}
        return [Quoted.of(row) for row in rows(await self.http.read("/markets/options/chains", query), *_CHAIN)]

    async def market_session(self) -> Stream:
        """A session for the market stream; production only."""
        return await self._session("/markets/events/session")

    async def account_session(self) -> Stream:
        """A session for the stream of account events."""
        return await self._session("/accounts/events/session")

    async def _session(self, path: str) -> Stream:
        told = one(await self.http.read(path, form={}), "stream")
        return Stream(told.text("url"), told.text("sessionid"))

    # -- the account ---------------------------------------------------------------------------------------------------

    async def profile(self) -> Profile:
        """Who the token belongs to, with all accounts."""
        told = one(await self.http.read("/user/profile"), "profile")
        accounts = (BrokerageAccount.of(row) for row in rows({"profile": told.raw}, "profile", "account"))
        return Profile(told.text("id", ""), told.text("name", ""), tuple(accounts))

    async def balances(self) -> Balances:
        """The account's money."""
        return Balances.of(one(await self.http.read(self._of("balances")), "balances"))

    async def positions(self) -> list[Position]:
        """What the account holds."""
        return [Position.of(row) for row in rows(await self.http.read(self._of("positions")), "positions", "position")]

    async def gainloss(self, start: date | None = None, end: date | None = None) -> list[Closed]:
        """Closed positions, all pages, the newest first."""
        found = await self._pages(self._of("gainloss"), "gainloss", "closed_position", _dates(start, end))
        return [Closed.of(row) for row in found]

    async def account_history(self, start: date | None = None, end: date | None = None) -> list[Entry]:
        """The account's events, all pages."""
        found = await self._pages(self._of("history"), "history", "event", _dates(start, end))
        return [Entry.of(row) for row in found]

    # -- orders --------------------------------------------------------------------------------------------------------

    async def orders(self) -> list[Listed]:
        """Every order that Tradier lists, with tags, all pages: those of the trading day and those that rest."""
        found = await self._pages(self._of("orders"), "orders", "order", {"includeTags": "true"})
        return [Listed.of(row) for row in found]

    async def order(self, order_id: str) -> Listed:
        """One order with its legs and its tag. NoSuchOrder when it is not this account's."""
        body = await self.http.read(self._of(f"orders/{order_id}"), {"includeTags": "true"})
        return Listed.of(one(body, "order"))

    async def place(self, form: Mapping[str, str]) -> Acknowledged:
        """Send an order of ``connectors.tradier.orders``, once. It may still be rejected later: see its status."""
        path = self._of("orders")
        return _acknowledged(f"POST {path}", await self.http.write("POST", path, form))

    async def preview(self, form: Mapping[str, str]) -> Preview:
        """What an order would come to; nothing is placed."""
        path = self._of("orders")
        return Preview.of(one(await self.http.write("POST", path, {**form, "preview": "true"}), "order"))

    async def modify(
        self, order_id: str, *, type: Type | None = None, duration: str | None = None, price: Decimal | None = None,
        stop: Decimal | None = None,
    ) -> Acknowledged:  # fmt: skip
        """Change an order that rests, in place; its quantity cannot be changed."""
        form = {"type": type, "duration": duration, "price": price, "stop": stop}
        told = {name: f"{v:f}" if isinstance(v, Decimal) else str(v) for name, v in form.items() if v is not None}
        path = self._of(f"orders/{order_id}")
        return _acknowledged(f"PUT {path}", await self.http.write("PUT", path, told))

    async def cancel(self, order_id: str) -> Acknowledged:
        """Ask for a cancel; whether it came before a fill only the order itself says."""
        path = self._of(f"orders/{order_id}")
        return _acknowledged(f"DELETE {path}", await self.http.write("DELETE", path))

    async def _pages(self, path: str, outer: str, inner: str, query: Mapping[str, str]) -> list[Fields]:
        """All rows. A page that is not full is the last, unless the answer says that there are more."""
        found: list[Fields] = []
        for page in range(1, PAGES_MOST + 1):
            body = await self.http.read(path, {**query, "page": str(page), "limit": str(PAGE)})
            part = rows(body, outer, inner)
            found += part
            if not part or (len(part) < PAGE and page >= _total_pages(body, outer)):
                return found
        raise BadAnswer(f"GET {path}: more than {PAGES_MOST} pages")

    def _of(self, what: str) -> str:
        return f"/accounts/{self.account}/{what}"


_CHAIN = ("options", "option")


def _total_pages(body: Mapping[str, object], outer: str) -> int:
    inner = body.get(outer)
    places = [body, inner] if isinstance(inner, dict) else [body]
    told = (Fields(dict(place), outer).maybe("total_pages") for place in places)
    return next((int(number) for number in told if number is not None), 1)


def _acknowledged(request: str, body: Mapping[str, object]) -> Acknowledged:
    """A good answer to a write names the order; one that does not proves nothing."""
    try:
        told = one(body, "order")
        return Acknowledged(told.text("id"), told.text("status", ""), told.text("partner_id", ""))
    except BadAnswer as error:
        raise OutcomeUnknown(f"{request}: {error}; it may have been done: look for its tag in the order list") from None


def _expiration(told: Fields) -> Expiration:
    size, strikes = told.maybe("contract_size"), told.raw.get("strikes")
    found = _decimals(strikes, f"{told.where}.strikes") if isinstance(strikes, dict) else []
    return Expiration(
        told.day("date"), None if size is None else int(size), told.text("expiration_type", ""), tuple(found)
    )


def _decimals(outer: Mapping[str, object], where: str) -> list[Decimal]:
    return [Fields({"strike": text}, where).decimal("strike") for text in texts(outer.get("strike"))]


def _dates(start: date | None, end: date | None) -> dict[str, str]:
    return {name: day.isoformat() for name, day in (("start", start), ("end", end)) if day is not None}


def _wall(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 1_000_000_000, NEW_YORK).strftime("%Y-%m-%d %H:%M")


def _flag(value: bool) -> str:
    return "true" if value else "false"
