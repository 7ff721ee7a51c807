"""Tennis matches as a source of signals: markets of the venue in, facts ``tennis.*`` out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from connectors.news import News
from connectors.tennis import manifest
from connectors.tennis.database import keep_competitors
from connectors.tennis.matching import Priced, TourBook, Unpriced, price_event
from connectors.tennis.sackmann import TennisDataError
from connectors.tennis.texts import SERIES
from engine.market.events import NANOS, Observation
from engine.market.signals import MarketListing
from engine.market.tennis import Tour

Value = float | str | bool | None
_DAY_NS = 86_400 * NANOS
_NOT_SHOWN = "the venue shows no such open market in the series that are looked at"
_MOST_SHOWN = 5


class TennisSource:
    """Prices every match whose two markets are shown. It keeps nothing but who is who, so a restart says the same.

    ``as_of``: the day that it pretends to be, for markets on matches of the past; their start is as far from it as it
    is from now. ``database`` keeps the venue's ids of players, None keeps nothing.
    """

    name = "tennis"

    def __init__(
        self, series: Collection[str], books: Mapping[Tour, TourBook], as_of: date | None = None,
        database: Path | None = None,
    ) -> None:  # fmt: skip
        self.series: Collection[str] = tuple(series)
        self._books, self._as_of, self._database = books, as_of, database
        self._shown: dict[str, MarketListing] = {}
        self._events: dict[str, tuple[tuple[MarketListing, ...], date]] = {}
        self._priced: dict[str, Priced | Unpriced] = {}
        self._followed: tuple[str, ...] = ()
        self._news = News()
        self._tell: Callable[[str], None] = lambda words: None
        self._missing: dict[str, str] | None = None

    # -- what the venue shows ------------------------------------------------------------------------------------------

    def show(self, listed: Sequence[MarketListing], now_ns: int) -> None:
        """All open markets. A match that is shown as before keeps its price; one that is shown no more loses it."""
        self._shown = {one.ticker: one for one in listed if one.series in self.series}
        today = self._today(now_ns)
        events: dict[str, list[MarketListing]] = {}
        for one in self._shown.values():
            events.setdefault(one.event, []).append(one)
        before, self._events, priced = self._events, {}, {}
        for event, legs in events.items():
            ordered = tuple(sorted(legs, key=lambda leg: leg.ticker))
            state = ordered, self._day_of(ordered[0], now_ns, today)
            self._events[event] = state
            if before.get(event) == state:
                priced.update({leg.ticker: self._priced[leg.ticker] for leg in ordered})
            else:
                priced.update(price_event(ordered, self._books, state[1]))
        self._priced = priced
        self._keep()
        self._say_what_is_missing()

    @property
    def tickers(self) -> Collection[str]:
        """All markets of the series, those without a price too: traces say why there is none."""
        return tuple(self._shown)

    def title(self, ticker: str) -> str:
        """What the venue calls a market; the ticker where it does not say."""
        shown = self._shown.get(ticker)
        return shown.title if shown is not None and shown.title else ticker

    def price(self, ticker: str) -> Priced | Unpriced:
        """What is known of a market, in full."""
        return self._priced.get(ticker) or Unpriced(_NOT_SHOWN)

    def follow(self, symbols: Collection[str], tell: Callable[[str], None]) -> None:
        self._followed, self._tell = tuple(symbols), tell
        self._news.forget()
        self._say_what_is_missing()

    @property
    def unseen(self) -> Collection[str]:
        """Only matches that have a price are worth beginning anew."""
        followed = set(self._followed)
        return [t for t, price in self._priced.items() if isinstance(price, Priced) and t not in followed]

    def pulse(self, now_ns: int) -> list[Observation]:
        """What has changed of the followed markets."""
        facts = ((symbol, fact) for symbol in self._followed for fact in self._facts(symbol, now_ns))
        return self._news.of(Observation(symbol, now_ns, *fact) for symbol, fact in facts)

    async def keep(self) -> None:
        """There is nothing to ask anybody for."""
        await asyncio.Event().wait()

    # -- facts ---------------------------------------------------------------------------------------------------------

    def _facts(self, symbol: str, now_ns: int) -> Iterator[tuple[str, Value, str]]:
        shown = self._shown.get(symbol)
        price = self.price(symbol)
        yield manifest.LISTED, shown is not None, ""
        starts = None if shown is None or shown.starts_ns is None else shown.starts_ns / NANOS
        yield manifest.STARTS, starts, "" if starts is not None else "the venue does not say when the match starts"
        if isinstance(price, Unpriced):
            yield manifest.WHY_NOT, price.why, ""
            for name in _OF_A_PRICE:
                yield name, None, price.why
            return
        yield manifest.WHY_NOT, "", ""
        values: Sequence[Value] = (
            price.fair, price.player.name, price.opponent.name, price.text.tournament, price.text.round,
            str(price.court.surface), float(price.court.best_of), price.level, price.elo, price.opponent_elo,
            float(price.matches), self._rated_until(symbol, now_ns),
        )  # fmt: skip
        for name, value in zip(_OF_A_PRICE, values, strict=True):
            yield name, value, ""

    def _rated_until(self, symbol: str, now_ns: int) -> float:
        """Seconds since the epoch; where it pretends to be another day, as long before now as before that day."""
        until = self._books[SERIES[self._shown[symbol].series].tour].model.until
        return float(_midnight(_date(now_ns) - (self._today(now_ns) - until)))

    # -- days ----------------------------------------------------------------------------------------------------------

    def _today(self, now_ns: int) -> date:
        return self._as_of or _date(now_ns)

    def _day_of(self, leg: MarketListing, now_ns: int, today: date) -> date:
        """The day of the match, as far from ``today`` as its start is from now."""
        if leg.starts_ns is None:
            return today
        return today + timedelta(days=max(0, (leg.starts_ns - now_ns) // _DAY_NS))

    # -- what is told and kept -----------------------------------------------------------------------------------------

    def _keep(self) -> None:
        for tour, book in self._books.items():
            found, book.found = book.found, {}
            if self._database is not None:
                try:
                    keep_competitors(self._database, tour, found)
                except TennisDataError as error:  # prices are as good without it
                    self._tell(f"{error}; who is who is not remembered")

    def _say_what_is_missing(self) -> None:
        """At the start, and when a market is there that has no price; what has closed is nothing to tell."""
        missing = {ticker: price.why for ticker, price in self._priced.items() if isinstance(price, Unpriced)}
        if self._followed and not (self._missing is not None and missing.items() <= self._missing.items()):
            self._tell(missing_words(self._priced))
            self._missing = missing


_OF_A_PRICE = (
    manifest.FAIR, manifest.PLAYER, manifest.OPPONENT, manifest.TOURNAMENT, manifest.ROUND, manifest.SURFACE,
    manifest.BEST_OF, manifest.LEVEL, manifest.ELO, manifest.OPPONENT_ELO, manifest.MATCHES, manifest.RATED_UNTIL,
)  # fmt: skip


def missing_words(priced: Mapping[str, Priced | Unpriced]) -> str:
    """How many markets have a price, and the commonest reasons why others have none."""
    reasons: dict[str, list[str]] = {}
    for ticker, price in priced.items():
        if isinstance(price, Unpriced):
            reasons.setdefault(price.why, []).append(ticker)
    have = len(priced) - sum(map(len, reasons.values()))
    words = f"{have} of {len(priced)} tennis markets have a price"
    ordered = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))
    for why, tickers in ordered[:_MOST_SHOWN]:
        words += f"; {tickers[0]}{f' and {len(tickers) - 1} more' if len(tickers) > 1 else ''}: {why}"
    return words + (f"; and {len(ordered) - _MOST_SHOWN} other reasons" if len(ordered) > _MOST_SHOWN else "")


def _date(now_ns: int) -> date:
    return datetime.fromtimestamp(now_ns // NANOS, UTC).date()


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
