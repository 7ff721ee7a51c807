"""Markets, a stream fed by hand, and a run on it whose feed is captured."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.capture.codec import Maker
from connectors.capture.kalshi.tape import KalshiTape
from connectors.capture.writer import CaptureFile, CaptureWriter
from connectors.kalshi.book import Book
from connectors.kalshi.events import BookChanged, BookLost, Connected, Disconnected, StreamEvent, Subscribed
from connectors.kalshi.fees import FeeType
from connectors.kalshi.models.exchange import ExchangeStatus
from connectors.kalshi.models.markets import Event, Market, MarketStatus, Series
from connectors.kalshi.models.stream import EventFeeUpdate, MarketLifecycle, PublicTrade, Ticker
from connectors.kalshi.prices import YesPrice
from connectors.kalshi.rest.markets import MarketFilter
from connectors.kalshi.source import KalshiFeed
from engine.market.events import NANOS, MarketEvent, Observation, Tick, later

START = 1_796_400_000 * NANOS
A, B = "KXPRACTICE-00000-YES", "KXPRACTICE-00001-YES"
STATUS = ExchangeStatus(exchange_active=True, trading_active=True)


def market(ticker: str) -> Market:
    """A market as REST tells it."""
    return Market.model_validate({
        "ticker": ticker, "event_ticker": ticker.rpartition("-")[0], "market_type": "binary", "yes_sub_title": "Yes",
        "no_sub_title": "No", "created_time": START, "updated_time": START, "open_time": START - NANOS,
        "close_time": START + 3600 * NANOS, "latest_expiration_time": START + 7200 * NANOS,
        "settlement_timer_seconds": 60, "status": "active", "result": "", "can_close_early": True,
        "yes_bid_dollars": "0.0000", "yes_bid_size_fp": "0.00", "yes_ask_dollars": "1.0000",
        "yes_ask_size_fp": "0.00", "no_bid_dollars": "0.0000", "no_ask_dollars": "1.0000",
        "last_price_dollars": "0.0000", "previous_price_dollars": "0.0000", "volume_fp": "0.00",
        "volume_24h_fp": "0.00", "open_interest_fp": "0.00", "notional_value_dollars": "1.0000",
        "settlement_bounds_type": "", "expiration_value": "", "rules_primary": "It pays.", "rules_secondary": "",
        "price_level_structure": "linear_cent",
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}], "exchange_index": 0,
    })  # fmt: skip


class HandFed:
    """Stands for the stream: its events are those that a test puts in, its books change with them."""

    def __init__(self) -> None:
        self.books = {ticker: Book(ticker) for ticker in (A, B)}
        self.waiting: list[StreamEvent] = []
        self.subscribed: set[str] = set()

    def subscribe(self, channel: Any, tickers: Iterable[str] | None = None) -> None:
        self.subscribed.add(str(channel))

    def book(self, ticker: str) -> Book | None:
        book = self.books[ticker]
        return book if book.ready else None

    async def take(self) -> list[StreamEvent]:
        taken, self.waiting = self.waiting, []
        return taken


class HandTold:
    """Stands for REST: answers what a feed reads. Market B's series charges half as much again."""

    def __init__(self) -> None:
        self.status_now = STATUS
        self.listed = {ticker: market(ticker) for ticker in (A, B)}

    @property
    def exchange(self) -> HandTold:
        return self

    @property
    def markets(self) -> _Markets:
        return _Markets(self)

    async def status(self) -> ExchangeStatus:
        return self.status_now


class _Markets:
    def __init__(self, told: HandTold) -> None:
        self._told = told

    async def markets(self, wanted: MarketFilter) -> AsyncIterator[Market]:
        for ticker in wanted.tickers or ():
            yield self._told.listed[ticker]

    async def events(self, *, tickers: list[str]) -> AsyncIterator[Event]:
        for ticker in tickers:
            yield Event(
                event_ticker=ticker, series_ticker=ticker, title="", sub_title="", mutually_exclusive=False,
                collateral_return_type="", settlement_sources=None,
            )  # fmt: skip

    async def series(self, ticker: str) -> Series:
        return Series(
            ticker=ticker, title="", frequency="", category="", categories=[], settlement_sources=None,
            contract_terms_url="", fee_type=FeeType.QUADRATIC,
            fee_multiplier=Decimal("1.5" if B.startswith(ticker) else "1"),
        )  # fmt: skip

    async def series_fee_changes(self) -> list[Any]:
        return []

    async def event_fee_changes(self) -> AsyncIterator[Any]:
        for none in ():
            yield none


class Captured(AbstractContextManager["Captured"]):
    """A feed of two markets that is captured; ``ticks`` are those that a run on it has had."""

    A, B = A, B

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.now = START
        self.path, self.names = path, names
        self.stream = HandFed()
        self.signals: list[Observation] = []
        self.ticks: list[Tick] = []
        self.file = CaptureFile(path)
        self.writer = CaptureWriter(self.file, lambda: self.now, Maker("practice", "0.0", "a test"))
        self.rest = HandTold()
        markets = list(self.rest.listed.values())
        self.feed = KalshiFeed(
            self.rest, self.stream, markets, names, lambda: self.now, account=False,  # type: ignore[arg-type]
            tape=KalshiTape(self.writer), signals=self._signals,
        )  # fmt: skip
        drive(self.feed.read_terms())

    def _signals(self, now_ns: int) -> list[Observation]:
        told, self.signals = self.signals, []
        return told

    def __exit__(self, *error: object) -> None:
        self.writer.__exit__(None, None, None)

    def say(self, body: Any, late_ns: int = 0) -> None:
        """The stream tells something, which arrived a moment ago."""
        self.stream.waiting.append(StreamEvent(self.now - late_ns, body))

    def book(self, ticker: str, bids: dict[str, str], asks: dict[str, str], *, tell: bool = True) -> None:
        """Levels become so; ``tell`` says that the reader is told of it."""
        self.stream.books[ticker].put(_exact(bids), _exact(asks))
        if tell:
            self.say(BookChanged(ticker))

    def ticker(self, name: str, price: str, volume: str) -> None:
        self.say(ticker_of(name, price, volume))

    def trade(self, name: str, price: str, count: str, taker: str) -> None:
        self.say(trade_of(name, self.now, price, count, taker))

    def lifecycle(self, name: str, **fields: Any) -> None:
        self.say(MarketLifecycle.model_validate({"market_ticker": name, **fields}))

    def fee(self, name: str, multiplier: str | None) -> None:
        told = {"event_ticker": name.rpartition("-")[0], "fee_type_override": multiplier and "quadratic"}
        self.say(EventFeeUpdate.model_validate({**told, "fee_multiplier_override": multiplier and Decimal(multiplier)}))

    def read(self, name: str, status: str, trading: bool) -> None:
        """REST tells that a market stands so, and whether the exchange trades; that is read."""
        listed = self.rest.listed
        listed[name] = listed[name].model_copy(update={"status": MarketStatus(status)})
        self.rest.status_now = ExchangeStatus(exchange_active=True, trading_active=trading)
        drive(self.feed.read_terms())

    def lose(self, ticker: str) -> None:
        self.stream.books[ticker].clear()
        self.say(BookLost(ticker, "a test"))

    def disconnect(self) -> None:
        self.say(Disconnected("a test"))
        for ticker in self.stream.books:
            self.lose(ticker)

    def connect(self) -> None:
        self.say(Connected(self.now))
        self.say(Subscribed())

    def pass_on(self) -> None:
        """What waits is read and told, as a run does it."""
        if self.stream.waiting:
            batch = drive(self.feed.batch())
            if batch.events:
                self._tick(batch.time_ns, batch.events)

    def pulse(self) -> None:
        """A second is over."""
        self._tick(self.now, self.feed.pulse(self.now))

    def _tick(self, time_ns: int, events: Sequence[MarketEvent]) -> None:
        before = self.ticks[-1].time_ns if self.ticks else 0
        self.ticks.append(Tick(later(time_ns, before), list(events)))


def drive(work: Any) -> Any:
    """The result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits for something")


def _exact(levels: dict[str, str]) -> dict[Decimal, Decimal]:
    return {Decimal(price): Decimal(size) for price, size in levels.items()}


def ticker_of(name: str, price: str, volume: str) -> Ticker:
    return Ticker.model_validate({
        "market_ticker": name, "price_dollars": price, "yes_bid_dollars": "0.4700", "yes_ask_dollars": "0.5200",
        "yes_bid_size_fp": "3.00", "yes_ask_size_fp": "2.00", "volume_fp": volume, "open_interest_fp": "7.00",
        "last_trade_size_fp": "1.00", "dollar_volume": 1, "dollar_open_interest": 1, "ts_ms": 1,
    })  # fmt: skip


def trade_of(name: str, at_ns: int, price: str, count: str, taker: str) -> PublicTrade:
    return PublicTrade.model_validate({
        "trade_id": f"t{at_ns}", "market_ticker": name, "yes_price_dollars": price,
        "no_price_dollars": str(YesPrice.parse(price).complement()), "count_fp": count, "taker_outcome_side": taker,
        "taker_book_side": "bid" if taker == "yes" else "ask", "is_block_trade": False, "ts_ms": at_ns // 1_000_000,
    })  # fmt: skip


@pytest.fixture
def captured(tmp_path: Path) -> Callable[..., Captured]:
    """Makes a feed that is captured, for the facts that are named."""

    def make(names: Sequence[str] = (), path: Path | None = None) -> Captured:
        return Captured(path or tmp_path / "test.cap", names)

    return make


@pytest.fixture
def short_capture(tmp_path: Path) -> Path:
    """A capture of a few seconds, ended on purpose."""
    path = tmp_path / "short.cap"
    with Captured(path, ("yes.bid",)) as run:
        run.connect()
        for second in range(4):
            run.book(A, {"0.4000": f"{10 + second}.00"}, {"0.4500": "5.00"})
            run.trade(A, "0.4500", "3.00", "yes")
            run.pass_on()
            run.pulse()
            run.now += NANOS
        run.writer.end({"cycles": 4})
    return path
