"""The paper broker: the same orders as at a venue, filled from market data. Deterministic: no clock, no chance.

It is shown each tick before the rules decide, so an order placed at a tick meets only later events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import inf

from connectors.paper import snapshot
from connectors.paper.account import SETTLED, PaperAccount
from connectors.paper.admission import Admission
from connectors.paper.book import Book
from connectors.paper.matching import BarMatching, QuoteMatching
from connectors.paper.prices import Terms
from connectors.paper.settings import FillModel, PaperSettings
from connectors.paper.working import NEVER, Working
from engine.market.events import NANOS, SETTLEMENT, Bar, MarketEvent, Observation, Quote
from engine.market.instrument import Instrument
from engine.market.orders import BrokerReport, Order, OrderState, OrderUpdate

NANOS_PER_MS = 1_000_000


class PaperBroker:
    """Implements ``engine.market.orders.Broker``."""

    def __init__(self, settings: PaperSettings, instruments: Mapping[str, Instrument]) -> None:
        self.settings, self.instruments = settings, instruments
        self.account = PaperAccount(settings, instruments, settings.cash)
        self._latency_ns = settings.latency_ms * NANOS_PER_MS
        self._book = Book(self.account)
        self._admission = Admission(instruments, self.account, self._book)
        self._used: set[str] = set()
        self._quotes: dict[str, Quote] = {}
        self._closes: dict[str, float] = {}
        self._known_terms: dict[str, Terms] = {}  # until the next quote

    # -- the market moves ------------------------------------------------------------------------------------------

    def on_events(self, time_ns: int, events: Sequence[MarketEvent]) -> BrokerReport | None:
        """Fill what the events fill. Bars come before quotes: they cover the time before the quote.

        What a market settled at ends every order and position in it.
        """
        report: BrokerReport | None = None
        closes, by_symbol = self._closes, self._book.by_symbol
        quotes = settled = False
        for event in events:
            if isinstance(event, Bar):
                symbol, start_ns, seconds, _, high, low, close, _ = event
                closes[symbol] = close
                if symbol not in by_symbol:
                    continue
                end_ns = start_ns + seconds * NANOS
                for working in by_symbol[symbol]:
                    if low <= working.below or high >= working.above or end_ns >= working.deadline:
                        report = report or BrokerReport()
                        self._on_bar(event, time_ns, report)
                        break
            elif isinstance(event, Quote):
                quotes = True
            elif event.name == SETTLEMENT and event.value is not None:
                settled = True
        if quotes:
            report = report or BrokerReport()
            self._on_quotes(time_ns, events, report)
        if settled:
            report = report or BrokerReport()
            self._on_settlements(time_ns, events, report)
        return report if report is not None and (report.fills or report.updates) else None

    def untouched(self, bars: Sequence[Bar]) -> int:
        """How many of ``bars``, successive ones of one symbol, reach no order's price and no order's end."""
        resting = self._book.by_symbol.get(bars[0].symbol, ())
        below = max((w.below for w in resting), default=-inf)
        above = min((w.above for w in resting), default=inf)
        deadline = min((w.deadline for w in resting), default=NEVER)
        for number, (_, start_ns, seconds, _, high, low, _, _) in enumerate(bars if resting else ()):
            if low <= below or high >= above or start_ns + seconds * NANOS >= deadline:
                return number
        return len(bars)

    def _on_bar(self, bar: Bar, time_ns: int, report: BrokerReport) -> None:
        matching = BarMatching(self._book, bar, self._terms(bar.symbol), time_ns, report)
        matching.run(self._book.by_symbol[bar.symbol])

    def _on_settlements(self, time_ns: int, events: Sequence[MarketEvent], report: BrokerReport) -> None:
        for event in events:
            if not isinstance(event, Observation) or event.name != SETTLEMENT or event.value is None:
                continue
            if event.symbol not in self.instruments:
                continue
            for working in list(self._book.by_symbol.get(event.symbol, ())):
                if working.order.client_id in self._book.orders:  # dropping an entry drops its legs
                    self._book.drop(working, OrderState.CANCELLED, time_ns, report, SETTLED)
            report.fills += self.account.settle(event.symbol, Decimal(repr(event.value)), time_ns)

    def _on_quotes(self, time_ns: int, events: Sequence[MarketEvent], report: BrokerReport) -> None:
        barred = {e.symbol for e in events if isinstance(e, Bar)}
        for event in events:
            if not isinstance(event, Quote):
                continue
            symbol = event.symbol
            self._quotes[symbol] = event
            self._known_terms.pop(symbol, None)
            if symbol in self._book.by_symbol and symbol not in barred:
                # The quote is the price itself: half a spread on top would be paid twice.
                terms = self._terms(symbol)._replace(half_spread=0.0)
                matching = QuoteMatching(self._book, event, terms, time_ns, report)
                matching.run(self._book.by_symbol[symbol])

    def _terms(self, symbol: str) -> Terms:
        if symbol not in self._known_terms:
            self._known_terms[symbol] = self._new_terms(symbol)
        return self._known_terms[symbol]

    def _new_terms(self, symbol: str) -> Terms:
        """Half the last spread and the slippage are paid; the optimist pays neither."""
        settings, instrument, quote = self.settings, self.instruments[symbol], self._quotes.get(symbol)
        half = 0.0
        if quote is not None and quote.bid is not None and quote.ask is not None:
            half = max(quote.ask - quote.bid, 0.0) / 2
        if settings.fill_model is FillModel.OPTIMISTIC:
            half = 0.0
        return Terms(
            settings.fill_model, float(instrument.tick_size), half, settings.slippage_ratio, instrument.lot_size,
            settings.participation,
        )  # fmt: skip

    # -- orders ----------------------------------------------------------------------------------------------------

    def place(self, orders: Sequence[Order], time_ns: int) -> BrokerReport:
        """Accept or refuse ``orders``; an entry and its legs are taken together or not at all."""
        report = BrokerReport()
        for bracket in _brackets(orders):
            price = self._last_price(bracket[0].symbol)
            refusals = self._admission.refusals(bracket, self._used, price)
            for order, reason in zip(bracket, refusals, strict=True):
                state = OrderState.REFUSED if reason else OrderState.WORKING
                report.updates.append(OrderUpdate(order.client_id, state, time_ns, reason))
                if not reason and price is not None:
                    self._used.add(order.client_id)
                    self._book.add(Working.of(order, time_ns, time_ns + self._latency_ns, price))
        return report

    def _last_price(self, symbol: str) -> Decimal | None:
        price = self._closes.get(symbol)
        if price is None and symbol in self._quotes:
            quote = self._quotes[symbol]
            price = quote.ask if quote.ask is not None else quote.bid
        return None if price is None else Decimal(repr(price))

    def cancel(self, client_ids: Sequence[str], time_ns: int) -> BrokerReport:
        """Take orders off the market; one that is done already is left alone."""
        report = BrokerReport()
        for client_id in client_ids:
            working = self._book.orders.get(client_id)
            if working is not None:
                self._book.drop(working, OrderState.CANCELLED, time_ns, report, "cancelled")
        return report

    def replace(self, client_id: str, time_ns: int, stop: Decimal) -> BrokerReport:
        """Move a stop; an order that is gone is left alone.

        A change that cannot be made leaves the order as it is, and the update says why.
        """
        report = BrokerReport()
        working = self._book.orders.get(client_id)
        if working is None:
            return report
        reason = self._cannot_move(working, stop)
        if not reason:
            working.move_stop(stop, time_ns)
        text = f"not changed: {reason}" if reason else "changed"
        report.updates.append(OrderUpdate(client_id, working.state, time_ns, text))
        return report

    def _cannot_move(self, working: Working, stop: Decimal) -> str:
        order = working.order
        if not working.waits:
            return "its stop was reached" if order.stop is not None else "it has no stop"
        return self._admission.off_grid(order.symbol, stop)

    def resting(self) -> list[Order]:
        """Orders that are not done, as they stand."""
        return [w.order for w in self._book.orders.values()]

    # -- stopping and going on -------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, object]:
        """Everything that a later process needs to go on: plain JSON values, Decimals as text.

        Client ids of orders that are over are not in it: they hold the instant at which they were decided, which does
        not come again.
        """
        orders = list(self._book.orders.values())
        return snapshot.encode(self.account, orders, self._quotes, self._closes)

    def restore(self, state: Mapping[str, object]) -> None:
        """Take over what ``snapshot`` gave; SnapshotError names the field that cannot be used."""
        saved = snapshot.decode(state, self.instruments)
        self.account.cash = saved.cash
        self.account.positions.clear()
        self.account.positions.update({(p.strategy, p.symbol): p.quantity for p in saved.positions})
        self._book.orders.clear()
        self._book.by_symbol.clear()
        for resting in saved.orders:
            self._book.add(resting.working())
        self._used, self._quotes, self._closes = set(self._book.orders), dict(saved.quotes), dict(saved.closes)
        self._known_terms.clear()


def _brackets(orders: Sequence[Order]) -> list[list[Order]]:
    """Each entry with its legs, and every other order by itself, in the given order."""
    brackets: dict[str, list[Order]] = {}
    for order in orders:
        if order.parent is not None and order.parent in brackets:
            brackets[order.parent].append(order)
        elif order.client_id in brackets:
            brackets[order.client_id].append(order)
        else:
            brackets[order.client_id] = [order]
    return list(brackets.values())
