"""Quotes of Kalshi markets of 2024, in the old shape with cents, as a source of ticks.

``market_history.json``: a list of ``{ticker: [{_ts, _yes_bid, _yes_ask, _yes_price, _volume, _open_interest, …}]}``,
times in UTC seconds; ``market_data.json`` beside it has the markets with close and result.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Collection, Iterator
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

from connectors.candles import facts
from connectors.candles.files import QUOTED_MARKETS_NAME, quote_file
from connectors.candles.records import MarketRecord, record_of
from connectors.candles.source import ALWAYS, CENT
from connectors.days import ALL_TIME, DayRange
from connectors.kalshi.grid import PriceGrid, PriceRange
from connectors.kalshi.listing import event_of, instrument_of_grid
from engine.market.events import NANOS, MarketEvent, Observation, SourceError, Tick, later
from engine.market.instrument import Instrument

SIZES: Final = "the quotes do not tell sizes"
NOT_TOLD: Final = "the quotes do not tell it"
FIELDS: Final = ("_ts", "_yes_bid", "_yes_ask", "_no_bid", "_no_ask", "_yes_price", "_volume", "_open_interest")


class Row(NamedTuple):
    """One state of one market. Prices are whole cents of YES: bid 0 and ask 100 are empty sides, last 0 no trade."""

    ticker: str
    ts: int
    bid: int
    ask: int
    last: int
    volume: int
    open_interest: int


class QuotedMarkets:
    """The markets of a file of quotes. SourceError names file, market, row and field of what is wrong."""

    has_signals = False

    def __init__(self, root: Path) -> None:
        path = quote_file(root)
        if path is None:
            raise SourceError(f"{root}: no quotes are here")
        self.path = path
        self._rows = _read_rows(path)
        beside = path.with_name(QUOTED_MARKETS_NAME)
        self._records = _read_markets(beside) if beside.is_file() else {}

    @property
    def instruments(self) -> dict[str, Instrument]:
        """Each market that has any row, on whole cents."""
        grid = PriceGrid((PriceRange(Decimal(0), Decimal(1), CENT),))
        traded = [ticker for ticker, rows in self._rows.items() if rows]
        return {ticker: instrument_of_grid(ticker, event_of(ticker), grid) for ticker in traded}

    @property
    def taker_rates(self) -> dict[str, Decimal]:
        """What quotes do not tell: the published rate holds."""
        return {}

    def listed(self) -> None:
        """No source of signals was kept."""

    @property
    def origin(self) -> str:
        """Where the prices came from."""
        return "quotes kalshi"

    @property
    def words(self) -> str:
        """What the quotes are, for reports."""
        markets = self.instruments
        settled = sum(1 for t in markets if (record := self._records.get(t)) is not None and record.pays is not None)
        return f"quotes of 2024, sizes unknown, results known: {settled} of {len(markets)}"

    def ticks_of(self, symbols: Collection[str], names: Collection[str], days: DayRange = ALL_TIME) -> QuoteSource:
        """A source for these markets and these facts."""
        rows = {ticker: rows for ticker, rows in self._rows.items() if ticker in symbols}
        records = {ticker: record for ticker, record in self._records.items() if rows.get(ticker)}
        return QuoteSource(rows, records, names, days)


class QuoteSource:
    """Implements ``engine.market.events.MarketSource``: a tick a second in which anything changed, the last state of it
    counting. A market with a known result pays out at its close, or after its last row."""

    def __init__(
        self, rows: dict[str, list[Row]], records: dict[str, MarketRecord], names: Collection[str],
        days: DayRange,
    ) -> None:  # fmt: skip
        self._rows, self._records, self._names = rows, records, frozenset(names)
        self._span = days

    def ticks(self) -> Iterator[Tick]:
        """Ticks in rising time. SourceError where the days have none."""
        known: set[str] = set()
        rows = heapq.merge(*self._rows.values(), key=lambda r: r.ts)
        seconds = ((ts * NANOS, {row.ticker: row for row in second}) for ts, second in groupby(rows, lambda r: r.ts))
        told = (
            (time_ns, [event for row in newest.values() for event in self._events(row, time_ns, known)])
            for time_ns, newest in seconds
            if time_ns in self._span
        )
        now = 0
        for time_ns, events in heapq.merge(told, self._payouts(), key=lambda tick: tick[0]):
            now = later(time_ns, now)
            yield Tick(now, events)
        told_at = [row.ts * NANOS for rows in self._rows.values() for row in rows[:1] + rows[-1:]]
        if not now and told_at and self._span.bounded:
            raise self._span.nothing(", ".join(sorted(self._rows)), min(told_at), max(told_at))

    def _payouts(self) -> list[tuple[int, list[MarketEvent]]]:
        found = []
        for ticker, record in self._records.items():
            time_ns = max(record.close_ns, self._rows[ticker][-1].ts * NANOS)
            if record.pays is not None and time_ns in self._span:
                found.append((time_ns, facts.wanted(record.ended(time_ns), self._names, ALWAYS)))
        return sorted(found, key=lambda payout: payout[0])

    def _events(self, row: Row, now_ns: int, known: set[str]) -> list[MarketEvent]:
        ticker = row.ticker
        record = self._records.get(ticker)
        events: list[MarketEvent] = []
        if record is not None:
            events += record.time_left(now_ns)
        if ticker not in known:
            known.add(ticker)
            events += facts.charges(ticker, now_ns)
            told = {e.name for e in events if isinstance(e, Observation)}
            events += facts.untold(ticker, now_ns, told, self._names, NOT_TOLD)
        open_now = record is None or now_ns < record.close_ns
        if open_now:
            events += facts.trading(ticker, now_ns)
        bid, ask = (row.bid / 100 if row.bid > 0 else None), (row.ask / 100 if row.ask < 100 else None)
        events += facts.prices(ticker, now_ns, bid, ask, SIZES)
        if row.last:
            events.append(Observation(ticker, now_ns, "market.last", row.last / 100))
        events.append(Observation(ticker, now_ns, "market.volume", float(row.volume)))
        events.append(Observation(ticker, now_ns, "market.open_interest", float(row.open_interest)))
        return facts.wanted(events, self._names, ALWAYS)


def _read_rows(path: Path) -> dict[str, list[Row]]:
    told = _json(path)
    found: dict[str, list[Row]] = {}
    for number, one in enumerate(told, 1):
        if not isinstance(one, dict):
            raise SourceError(f"{path}: entry {number}: an object of rows by ticker is wanted")
        for ticker, rows in one.items():
            if ticker in found:
                raise SourceError(f"{path}: entry {number}: {ticker} comes twice; keep one")
            if not isinstance(rows, list):
                raise SourceError(f"{path}: {ticker}: a list of rows is wanted")
            found[ticker] = []
            for place, row in enumerate(rows, 1):
                read = _row(f"{path}: {ticker}, row {place}", ticker, row)
                if found[ticker] and read.ts < found[ticker][-1].ts:
                    raise SourceError(f"{path}: {ticker}, row {place}: _ts {read.ts} goes back in time")
                found[ticker].append(read)
    return found


def _row(place: str, ticker: str, row: Any) -> Row:
    if not isinstance(row, dict):
        raise SourceError(f"{place}: an object is wanted")
    for name in FIELDS:
        value = row.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise SourceError(f"{place}: {name} {json.dumps(value)}: a whole number of 0 or more is wanted")
    for name in ("_yes_bid", "_yes_ask", "_no_bid", "_no_ask", "_yes_price"):
        if row[name] > 100:
            raise SourceError(f"{place}: {name} {row[name]}: cents from 0 to 100 are wanted")
    if row["_yes_bid"] + row["_no_ask"] != 100 or row["_yes_ask"] + row["_no_bid"] != 100:
        raise SourceError(f"{place}: _no_bid and _no_ask are not 100 less _yes_ask and _yes_bid")
    if row["_yes_bid"] >= row["_yes_ask"]:
        raise SourceError(f"{place}: _yes_bid {row['_yes_bid']} is not below _yes_ask {row['_yes_ask']}")
    return Row(
        ticker, row["_ts"], row["_yes_bid"], row["_yes_ask"], row["_yes_price"], row["_volume"], row["_open_interest"]
    )


def _read_markets(path: Path) -> dict[str, MarketRecord]:
    found: dict[str, MarketRecord] = {}
    for number, one in enumerate(_json(path), 1):
        markets = [market for listed in one.values() for market in listed] if isinstance(one, dict) else []
        for market in markets:
            if not isinstance(market, dict):
                raise SourceError(f"{path}: entry {number}: a list of markets is wanted")
            plain = {name.removeprefix("_"): value for name, value in market.items()}
            record = record_of(f"{path}: entry {number}", plain)
            found[record.ticker] = record
    return found


def _json(path: Path) -> list[Any]:
    try:
        told = json.loads(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise SourceError(f"{path}: no JSON ({error}); fetch the file again") from None
    if not isinstance(told, list):
        raise SourceError(f"{path}: a list is wanted")
    return told
