"""A finished run over columns as the same result that the tick engine gives."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np

from engine.decide.actions import Verdict
from engine.market.columns import BAR, MarketColumns
from engine.market.orders import Fill, Leg, Side
from engine.plan.arrays import Floats, Ints
from engine.research.columns.machine import layout
from engine.research.columns.outcome import IN_THE_WAY, VERDICTS, Reader
from engine.research.columns.run import Outcome, Stage
from engine.research.parts import SetParts
from engine.research.results import PriceSeries
from engine.research.statistics import buy_and_hold_return
from engine.research.trades import END_OF_DATA, ClosedTrade, TradeBook


class Finished:
    """One set's outcome, told in the terms of ``engine.research.results``. The outcome must have kept its curve."""

    def __init__(self, stage: Stage, outcome: Outcome, parts: SetParts) -> None:
        self._stage, self._outcome, self._market = stage, outcome, stage.market
        self.reader = Reader.of(
            outcome.tables, outcome.log, stage.market.times, parts.instruments, stage.units, stage.terms,
            parts.ruleset.sha256,
        )  # fmt: skip
        log = outcome.log
        self._bars_cache: dict[str, tuple[Ints, Ints]] = {}
        self._decisions = log[log[:, 0] == layout.LOG_DECISION]
        self.orders, self.fills = int(outcome.run["orders"][0]), int(outcome.run["fills"][0])
        bars = (stage.market.kind == BAR).astype(np.int64)
        self._bars_before = np.concatenate(([0], np.cumsum(bars)))[stage.market.first]
        self.bars = int(bars.sum())
        self.trades, self.bars_exposed = self._trades()

    @property
    def times(self) -> array[int]:
        return array("q", self._market.times.tobytes())

    @property
    def equity(self) -> array[float]:
        assert self._outcome.curve is not None
        return array("d", self._outcome.curve.tobytes())

    # -- decisions -------------------------------------------------------------------------------------------------

    def verdicts(self) -> dict[str, Counter[str]]:
        """How often each rule came to each verdict."""
        found: dict[str, Counter[str]] = {}
        pairs, counts = np.unique(self._decisions[:, [2, 5]], axis=0, return_counts=True)
        for (rule, verdict), count in zip(pairs.tolist(), counts.tolist(), strict=True):
            found.setdefault(self._rule(rule), Counter())[VERDICTS[verdict]] += count
        return found

    def rejected(self) -> Counter[str]:
        """How many orders each guard, or what else, blocked."""
        blocked = self._decisions[self._decisions[:, 5] == layout.BLOCKED, 6]
        numbers, counts = np.unique(blocked, return_counts=True)
        pairs = zip(numbers.tolist(), counts.tolist(), strict=True)
        return Counter({self._rule(n) if n >= 0 else IN_THE_WAY[n]: count for n, count in pairs})

    def fired(self) -> dict[str, list[int]]:
        """When each rule fired (UTC nanoseconds)."""
        rows = self._decisions[self._decisions[:, 5] == VERDICTS.index(Verdict.FIRED)]
        return {
            self._rule(rule): self._market.times[rows[rows[:, 2] == rule, 1]].tolist()
            for rule in np.unique(rows[:, 2]).tolist()
        }

    def _rule(self, number: int) -> str:
        return self._outcome.tables.rules[number]

    # -- trades ----------------------------------------------------------------------------------------------------

    def _trades(self) -> tuple[list[ClosedTrade], int]:
        """Round trips, and how many bars closed with a position open."""
        book, mids = TradeBook(), self._mids()
        opened: dict[tuple[str, str], int] = {}
        spans: list[tuple[int, int]] = []
        last = len(self._market.times)
        for tick, fill in [*self.reader.fills(), *((last, fill) for fill in self._still_open())]:
            key = (fill.strategy, fill.symbol)
            opened.setdefault(key, tick)
            if book.apply(fill, mids.get(fill.client_id)) is not None:
                spans.append((opened.pop(key), tick))
        trades = [self._seen(t, *span) for t, span in zip(book.trades, spans, strict=True)]
        return trades, self._exposed(spans)

    def _exposed(self, spans: Sequence[tuple[int, int]]) -> int:
        changes = np.zeros(len(self._market.times) + 1, dtype=np.int64)
        for begin, end in spans:
            changes[begin] += 1
            changes[end] -= 1
        held = np.cumsum(changes[:-1]) > 0
        return int(np.diff(self._bars_before)[held].sum())

    def _seen(self, trade: ClosedTrade, begin: int, end: int) -> ClosedTrade:
        """The trade with what the bars of its symbol showed meanwhile."""
        ticks, rows = self._bars_of(trade.symbol)
        since, until = np.searchsorted(ticks, (begin, end)).tolist()
        if since == until:
            return trade
        values = self._market.bars[rows[since:until]]
        return replace(
            trade, high=max(trade.high, float(values[:, 1].max())), low=min(trade.low, float(values[:, 2].min())),
            bars_held=until - since,
        )  # fmt: skip

    def _bars_of(self, symbol: str) -> tuple[Ints, Ints]:
        """Ticks and rows of one symbol's bars."""
        if symbol not in self._bars_cache:
            market = self._market
            mine = (market.symbol == market.symbols.index(symbol)) & (market.kind == BAR)
            events = np.flatnonzero(mine)
            self._bars_cache[symbol] = (np.searchsorted(market.first, events, side="right") - 1, market.row[events])
        return self._bars_cache[symbol]

    def _still_open(self) -> list[Fill]:
        """What closes positions at the end: the last price, no fee, no slippage."""
        found = []
        tables = self._outcome.tables
        for key in self._outcome.holds:
            h = self._outcome.held[key]
            strategy, symbol = tables.strategies[int(h["strategy"])], tables.names[int(h["symbol"])]
            lot, in_lot = self.reader.lots[int(h["symbol"])]
            quantity = Decimal(int(h["quantity"]) // in_lot) * lot
            found.append(Fill(
                f"end/{strategy}/{symbol}", "", symbol, strategy, Side.SELL if quantity > 0 else Side.BUY,
                abs(quantity), Decimal(repr(float(h["last"]))), Decimal(0), int(self._market.times[-1]), Leg.EXIT,
                END_OF_DATA,
            ))  # fmt: skip
        return found

    def _mids(self) -> dict[str, float]:
        """The middle of the market when each entry was decided, by client id."""
        found: dict[str, float] = {}
        rows, times = self.reader.log.tolist(), self.reader.times
        for at in self.reader.order_rows():
            row = rows[at]
            if row[8] == layout.ENTRY:
                lane = self._stage.lanes[row[4]]
                place = int(np.searchsorted(lane.tick, row[3], side="right")) - 1
                found[self.reader.id_of(row, times)] = _mid(lane.market, place)
        return found

    # -- the market ------------------------------------------------------------------------------------------------

    def buy_and_hold(self) -> float | None:
        """What the traded symbols would have returned without any rule (ratio)."""
        pairs = []
        for symbol in sorted({trade.symbol for trade in self.trades}):
            _, rows = self._bars_of(symbol)
            if not len(rows):
                return None
            pairs.append((float(self._market.bars[rows[0], 3]), float(self._market.bars[rows[-1], 3])))
        return buy_and_hold_return(pairs)

    def prices(self) -> list[PriceSeries]:
        """Closes by symbol, for the report's charts."""
        return prices_of(self._market)


def prices_of(market: MarketColumns) -> list[PriceSeries]:
    """Closes of every symbol that has bars, in the order in which they came up."""
    tick_of = np.repeat(np.arange(len(market.times)), np.diff(market.first))
    found = []
    is_bar = market.kind == BAR
    _, first_seen = np.unique(market.symbol[is_bar], return_index=True)
    for number in market.symbol[is_bar][np.sort(first_seen)].tolist():
        mine = is_bar & (market.symbol == number)
        times, closes = market.times[tick_of[mine]], market.bars[market.row[mine], 3]
        found.append(PriceSeries(market.symbols[number], array("q", times.tobytes()), array("d", closes.tobytes())))
    return found


def _mid(market: dict[str, Floats], place: int) -> float:
    if "bid" in market:
        middle = float((market["bid"][place] + market["ask"][place]) / 2.0)
        if middle == middle:
            return middle
    return float(market["last"][place])
