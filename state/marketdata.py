"""Ticks and bars of all modes in a store of their own, beside those of orders and money.

A store of its own, because a stream that writes thousands of rows a second must never make an order wait.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from heapq import merge
from typing import Any, Final, NamedTuple

from engine.market.marketdata import BarRow, TickRow
from state.connection import Connection, connect
from state.errors import StoreError
from state.migrations import BARS, FEATURES, MARKET, SESSION_LABELS, TICKS
from state.place import Place, is_there

PAGE: Final = 20_000  # rows that are read at once
FEATURE_PAGE: Final = 2_000  # and of each of a symbol's features, which are read side by side


class FeatureRow(NamedTuple):
    """What a symbol was found to have at an instant; None is unknown. Its key is all but ``value``."""

    symbol: str
    name: str
    time_ns: int
    source: str
    value: float | None


class FeatureSeries(NamedTuple):
    """One feature of a symbol at successive instants, at least one; None is unknown."""

    symbol: str
    name: str
    source: str
    times_ns: Sequence[int]
    values: Sequence[float | None]


class SessionLabel(NamedTuple):
    """What a stretch of a calendar's day is called, from ``start_ns`` up to ``end_ns``."""

    calendar: str
    start_ns: int
    label: str
    end_ns: int


def open_market_data(place: Place, *, create: bool = True) -> MarketData:
    """Open or create the market data at ``place`` and bring its tables up to date; raises StoreError."""
    if not create and not is_there(place):
        raise StoreError(f"there is no market data at {place}; `engine stream` or `engine import flatfiles` makes it")
    connection = connect(place)
    try:
        with connection.explained():
            migrated = connection.migrate(MARKET)
            connection.prepare()
    except BaseException:
        connection.close()
        raise
    return MarketData(connection, migrated)


class MarketData:
    """Implements ``engine.market.marketdata.MarketDataStore``; every call may raise StoreError."""

    def __init__(self, connection: Connection, migrated: list[int]) -> None:
        self.migrated = migrated
        self._connection = connection

    @property
    def path(self) -> Place:
        """Where it is: a file, or a schema of a database."""
        return self._connection.place

    # -- writing -----------------------------------------------------------------------------------------------------

    def upsert_ticks(self, rows: Iterable[TickRow]) -> int:
        """Write all of ``rows`` or none of them; returns how many rows were given."""
        return self._connection.upsert(TICKS, (
            (symbol, time_ns, source, sequence, _said(price), None if size is None else _said(size))
            for symbol, time_ns, price, size, source, sequence in rows
        ))  # fmt: skip

    def upsert_bars(self, rows: Iterable[BarRow]) -> int:
        """Write all of ``rows`` or none of them; returns how many rows were given."""
        return self._connection.upsert(BARS, (
            (symbol, start_ns, source, _said(opened), _said(high), _said(low), _said(close),
             None if volume is None else _said(volume), transactions)
            for symbol, start_ns, opened, high, low, close, volume, transactions, source in rows
        ))  # fmt: skip

    def upsert_features(self, rows: Iterable[FeatureRow]) -> int:
        """Write all of ``rows`` or none of them; returns how many rows were given."""
        return self._connection.upsert(FEATURES, rows)

    def note_features(self, series: Iterable[FeatureSeries]) -> int:
        """Write what of ``series`` is not there just so, all of it or none; returns how many values that were.

        Finding them again is cheaper than writing them again: so a build that was interrupted goes on.
        """
        new = [row for one in series for row in self._not_there(one)]
        if new:
            self._connection.upsert(FEATURES, new)
        return len(new)

    def _not_there(self, series: FeatureSeries) -> list[tuple[str, str, int, str, float | None]]:
        symbol, name, source, times, values = series
        query = (
            "SELECT time_ns, value FROM features WHERE symbol = ? AND name = ? AND time_ns >= ? AND time_ns <= ? "
            "AND source = ?"
        )
        with self._connection.explained():
            rows = self._connection.execute(query, (symbol, name, min(times), max(times), source)).fetchall()
        there: dict[int, float | None] = dict(rows)
        return [
            (symbol, name, time_ns, source, value) for time_ns, value in zip(times, values, strict=True)
            if there.get(time_ns, math.nan) != value
        ]  # fmt: skip

    def upsert_session_labels(self, rows: Iterable[SessionLabel]) -> int:
        """Write all of ``rows`` or none of them; returns how many rows were given."""
        return self._connection.upsert(SESSION_LABELS, rows)

    def drop_session_labels(self, rows: Iterable[SessionLabel]) -> None:
        """Take out all of ``rows`` or none of them: stretches that are no longer called so."""
        query = "DELETE FROM session_labels WHERE calendar = ? AND start_ns = ? AND label = ?"
        with self._connection.transaction():
            self._connection.executemany(query, (row[:3] for row in rows))

    # -- reading -----------------------------------------------------------------------------------------------------

    def last_tick_ns(self, symbol: str, source: str) -> int | None:
        """When the newest tick of a symbol from a source was; None where there is none."""
        return self._last("time_ns", "ticks", symbol, source)

    def last_bar_ns(self, symbol: str, source: str) -> int | None:
        """When the newest bar of a symbol from a source began; None where there is none."""
        return self._last("start_ns", "bars_1m", symbol, source)

    def ticks(self, symbol: str, from_ns: int, to_ns: int) -> Iterator[TickRow]:
        """The ticks of a symbol in [from_ns, to_ns), of all sources, by time, source and sequence."""
        query = (
            "SELECT time_ns, source, sequence, price, size FROM ticks WHERE symbol = ? AND time_ns >= ? "
            "AND time_ns < ? AND (time_ns, source, sequence) > (?, ?, ?) ORDER BY time_ns, source, sequence LIMIT ?"
        )
        for row in self._pages(query, 3, (symbol,), to_ns, (from_ns, "", -1)):
            yield TickRow(symbol, row[0], Decimal(row[3]), _number(row[4]), row[1], row[2])

    def bars(self, symbol: str, from_ns: int, to_ns: int) -> Iterator[BarRow]:
        """The bars of a symbol that began in [from_ns, to_ns), of all sources, by time and source."""
        query = (
            "SELECT start_ns, source, open, high, low, close, volume, transactions FROM bars_1m WHERE symbol = ? "
            "AND start_ns >= ? AND start_ns < ? AND (start_ns, source) > (?, ?) ORDER BY start_ns, source LIMIT ?"
        )
        for row in self._pages(query, 2, (symbol,), to_ns, (from_ns, "")):
            opened, high, low, close = map(Decimal, row[2:6])
            yield BarRow(symbol, row[0], opened, high, low, close, _number(row[6]), row[7], row[1])

    def features(self, symbol: str, name: str, from_ns: int, to_ns: int) -> list[FeatureRow]:
        """What a symbol was found to have in [from_ns, to_ns), by time and source."""
        return list(self._feature(symbol, name, from_ns, to_ns, PAGE))

    def all_features(self, symbol: str, from_ns: int, to_ns: int) -> Iterator[FeatureRow]:
        """Everything that a symbol was found to have in [from_ns, to_ns), by time, name and source."""
        names = self.feature_names(symbol)
        return merge(
            *(self._feature(symbol, name, from_ns, to_ns, FEATURE_PAGE) for name in names),
            key=lambda row: (row.time_ns, row.name, row.source),
        )  # fmt: skip

    def feature_names(self, symbol: str) -> list[str]:
        """What a symbol has features of, sorted; each is one jump in the index."""
        rows = self._connection.rows(_distinct("features", "name", "symbol = ?"), (symbol, symbol))
        return [row["name"] for row in rows]

    def _feature(self, symbol: str, name: str, from_ns: int, to_ns: int, page: int) -> Iterator[FeatureRow]:
        query = (
            "SELECT time_ns, source, value FROM features WHERE symbol = ? AND name = ? AND time_ns >= ? "
            "AND time_ns < ? AND (time_ns, source) > (?, ?) ORDER BY time_ns, source LIMIT ?"
        )
        for time_ns, source, value in self._pages(query, 2, (symbol, name), to_ns, (from_ns, ""), page):
            yield FeatureRow(symbol, name, time_ns, source, value)

    def session_labels(self, calendar: str, from_ns: int, to_ns: int) -> list[SessionLabel]:
        """The stretches of a calendar that began in [from_ns, to_ns), by time."""
        query = "SELECT * FROM session_labels WHERE calendar = ? AND start_ns >= ? AND start_ns < ? ORDER BY start_ns"
        return [SessionLabel(**row) for row in self._connection.rows(query, (calendar, from_ns, to_ns))]

    def symbols(self, table: str) -> list[str]:
        """The symbols of ``ticks``, ``bars_1m`` or ``features``, sorted; each is one jump in the index."""
        return [row["symbol"] for row in self._connection.rows(_distinct(table, "symbol"))]

    def calendars(self) -> list[str]:
        """The calendars that have session labels, sorted."""
        return [row["calendar"] for row in self._connection.rows(_distinct("session_labels", "calendar"))]

    def span(self, table: str, symbol: str) -> tuple[int, int] | None:
        """When the first and the last row of a symbol are from (UTC ns); None where there is none."""
        time = "start_ns" if table == "bars_1m" else "time_ns"
        query = f"SELECT min({time}) AS first, max({time}) AS last FROM {table} WHERE symbol = ?"
        row = self._connection.rows(query, (symbol,))[0]
        return None if row["first"] is None else (row["first"], row["last"])

    def check(self) -> list[str]:
        """What is wrong with the file or its tables, in words; empty when all is sound."""
        return self._connection.damage(MARKET)

    def close(self) -> None:
        """Let go of the store."""
        self._connection.close()

    def _last(self, time: str, table: str, symbol: str, source: str) -> int | None:
        query = f"SELECT {time} FROM {table} WHERE symbol = ? AND source = ? ORDER BY {time} DESC LIMIT 1"
        rows = self._connection.rows(query, (symbol, source))
        return int(rows[0][time]) if rows else None

    def _pages(
        self, query: str, key: int, of: tuple[str, ...], to_ns: int, after: tuple[object, ...], size: int = PAGE
    ) -> Iterator[Any]:
        """Page by page, so that nothing is held open between two of them. ``key``: how many columns pages go by."""
        while True:
            with self._connection.explained():
                page = self._connection.execute(query, (*of, after[0], to_ns, *after, size)).fetchall()
            yield from page
            if len(page) < size:
                return
            after = tuple(page[-1][:key])


def _distinct(table: str, column: str, where: str = "true") -> str:
    """A query for what a column of a key has, where the columns before it are ``where`` says; asked for twice."""
    return (
        f"WITH RECURSIVE known({column}) AS (SELECT min({column}) FROM {table} WHERE {where} UNION ALL "
        f"SELECT (SELECT min(t.{column}) FROM {table} t WHERE {where} AND t.{column} > known.{column}) FROM known "
        f"WHERE known.{column} IS NOT NULL) SELECT {column} FROM known WHERE {column} IS NOT NULL"
    )


def _said(number: Decimal) -> str:
    if not number.is_finite():
        raise ValueError(f"{number} is no price, size or volume")
    return str(number)


def _number(value: str | Decimal | None) -> Decimal | None:
    return None if value is None else Decimal(value)
