"""Collects what a back-test is judged by: round trips, the equity curve, verdicts, prices for the chart."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter

from engine.decide.actions import Decision, Verdict
from engine.decide.tick import DataNote, Decider
from engine.market.events import Bar, Tick
from engine.market.orders import BrokerReport, Fill, Leg, Order
from engine.research.results import OpenPosition, PriceSeries
from engine.research.statistics import buy_and_hold_return
from engine.research.trades import END_OF_DATA, TradeBook

_TIME = itemgetter(0)  # of a tick


class StatisticsRecorder:
    """A recorder for ``engine.execute.loop``; everything stays in memory."""

    def __init__(self, keep_prices: bool = False) -> None:
        self.book = TradeBook()
        self.times: array[int] = array("q")
        self.equity: array[float] = array("d")
        self.verdicts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.rejected: Counter[str] = Counter()
        self.fired: defaultdict[str, list[int]] = defaultdict(list)
        self.notes: Counter[str] = Counter()
        self.order_count = self.fill_count = 0
        self._first: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._mids: dict[str, float] = {}
        self._prices: dict[str, PriceSeries] | None = {} if keep_prices else None

    def decision(self, decision: Decision, decider: Decider) -> None:
        self.verdicts[decision.rule][decision.verdict] += 1
        if decision.verdict is Verdict.FIRED:
            self.fired[decision.rule].append(decision.time_ns)
        if decision.verdict is Verdict.BLOCKED:
            self.rejected[decision.guard] += 1
        for order in decision.orders:
            if order.leg is Leg.ENTRY:
                self._mids[order.client_id] = decider.context.states[order.symbol].mid

    def orders(self, orders: Sequence[Order]) -> None:
        self.order_count += len(orders)

    def report(self, report: BrokerReport, decider: Decider) -> None:
        for fill in report.fills:
            self.fill_count += 1
            self.book.apply(fill, self._mids.get(fill.client_id))

    def note(self, note: DataNote) -> None:
        self.notes[note.text] += 1

    def ticks(self, ticks: Sequence[Tick], equity: Sequence[float], decider: Decider) -> None:
        self.times.extend(map(_TIME, ticks))
        self.equity.extend(equity)
        bars = [event for _, events in ticks for event in events if event.__class__ is Bar]
        self.book.on_bars(bars)
        newest = {bar.symbol: bar.close for bar in bars}
        if newest.keys() - self._first.keys():
            for bar in bars:
                self._first.setdefault(bar.symbol, bar.close)
        self._last.update(newest)
        if self._prices is not None:
            for time_ns, events in ticks:
                for event in events:
                    if event.__class__ is Bar:
                        self._keep_price(event, time_ns)

    @property
    def started_ns(self) -> int:
        """The first tick; 0 before there is one."""
        return self.times[0] if self.times else 0

    @property
    def ended_ns(self) -> int:
        """The newest tick; 0 before there is one."""
        return self.times[-1] if self.times else 0

    def _keep_price(self, bar: Bar, time_ns: int) -> None:
        assert self._prices is not None
        series = self._prices.get(bar.symbol)
        if series is None:
            series = self._prices[bar.symbol] = PriceSeries(bar.symbol, array("q"), array("d"))
        if not series.times_ns or time_ns > series.times_ns[-1]:
            series.times_ns.append(time_ns)
            series.close.append(bar.close)

    def buy_and_hold(self) -> float | None:
        """What the traded symbols would have returned without any rule, from the first close to the last (ratio)."""
        traded = sorted({trade.symbol for trade in self.book.trades})
        if any(symbol not in self._first for symbol in traded):
            return None  # a market without bars
        return buy_and_hold_return([(self._first[symbol], self._last[symbol]) for symbol in traded])

    def prices(self) -> list[PriceSeries]:
        """Closes by symbol, for the report's charts."""
        return list((self._prices or {}).values())

    def close_out(self, decider: Decider) -> None:
        """Book what is still open at the last prices, so that statistics count it; no fee, no slippage."""
        for held in list(decider.context.portfolio.held.values()):
            position = held.position
            fill = Fill(
                f"end/{position.strategy}/{position.symbol}", "", position.symbol, position.strategy,
                position.side.opposite, abs(position.quantity), Decimal(repr(held.last)), Decimal(0), self.ended_ns,
                Leg.EXIT, END_OF_DATA,
            )  # fmt: skip
            self.book.apply(fill)


def open_positions(decider: Decider) -> list[OpenPosition]:
    """What is held now, at the last prices."""
    return [
        OpenPosition(
            held.position.strategy, held.position.symbol, held.quantity, held.entry,
            held.last if held.last > 0 else None,
        )
        for held in decider.context.portfolio.held.values()
    ]  # fmt: skip
