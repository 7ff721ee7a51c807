"""The paper broker: the same orders as at a venue, filled from market data. Deterministic: no clock, no chance.

It is shown each tick before the rules decide, so an order placed at a tick meets only later events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal

from connectors.paper import prices
from connectors.paper.account import PaperAccount
from connectors.paper.settings import FillModel, PaperSettings
from connectors.paper.working import Working
from engine.market.events import Bar, MarketEvent, Quote
from engine.market.instrument import Instrument
from engine.market.orders import BrokerReport, Leg, Order, OrderState, OrderType, OrderUpdate, Side

NANOS_PER_MS = 1_000_000


class PaperBroker:
    """Implements ``engine.market.orders.Broker``."""

    def __init__(self, settings: PaperSettings, instruments: Mapping[str, Instrument]) -> None:
        self.settings, self.instruments = settings, instruments
        self.account = PaperAccount(settings, settings.cash)
        self._model = settings.fill_model
        self._slippage = settings.slippage_ratio
        self._latency_ns = settings.latency_ms * NANOS_PER_MS
        self._seen: set[str] = set()
        self._orders: dict[str, Working] = {}
        self._by_symbol: dict[str, list[Working]] = {}
        self._quotes: dict[str, Quote] = {}
        self._last: dict[str, float] = {}

    # -- the market moves ------------------------------------------------------------------------------------------

    def on_events(self, time_ns: int, events: Sequence[MarketEvent]) -> BrokerReport | None:
        """Fill what the events fill. Bars come before quotes: they cover the time before the quote."""
        report: BrokerReport | None = None
        by_symbol, last = self._by_symbol, self._last
        quotes = False
        for event in events:
            if isinstance(event, Bar):
                last[event.symbol] = event.close
                if by_symbol and event.symbol in by_symbol:
                    report = report or BrokerReport()
                    self._on_bar(event, time_ns, report)
            elif isinstance(event, Quote):
                quotes = True
        if quotes:
            report = self._on_quotes(time_ns, events, report)
        return report if report is not None and (report.fills or report.updates) else None

    def _on_quotes(
        self, time_ns: int, events: Sequence[MarketEvent], report: BrokerReport | None
    ) -> BrokerReport | None:
        barred = {e.symbol for e in events if isinstance(e, Bar)}
        for event in events:
            if not isinstance(event, Quote):
                continue
            self._quotes[event.symbol] = event
            if event.symbol not in barred and event.symbol in self._by_symbol:
                report = report or BrokerReport()
                self._on_quote(event, time_ns, report)
        return report

    def _on_bar(self, bar: Bar, time_ns: int, report: BrokerReport) -> None:
        budget = self._budget(bar)
        costs = self._costs(bar.symbol)
        for working in self._in_order(self._by_symbol[bar.symbol]):
            if working.remaining <= 0 or working.from_ns >= bar.known_ns:
                continue
            self._try_bar(working, bar, costs, budget, time_ns, report, from_open=working.from_ns <= bar.start_ns
                          + self._latency_ns)  # fmt: skip

    def _in_order(self, orders: Iterable[Working]) -> list[Working]:
        """Stops before targets, because a bar does not tell which came first; the optimist has it the other way."""
        first = Leg.TARGET if self._model is FillModel.OPTIMISTIC else Leg.STOP
        found = list(orders)
        if len(found) > 1:
            found.sort(key=lambda w: 0 if w.order.leg is first else 1)
        return found

    def _try_bar(
        self, working: Working, bar: Bar, costs: prices.Costs, budget: Decimal | None, time_ns: int,
        report: BrokerReport, from_open: bool,
    ) -> None:  # fmt: skip
        """Fill one order in one bar if it trades, then look whether its time is over."""
        if working.order.client_id not in self._orders:
            return
        expires = working.order.expires_ns
        expired = expires is not None and expires < bar.known_ns
        price = self._price(working, bar, costs, from_open and not expired)
        if price is not None:
            self._fill(working, price, budget, bar, time_ns, report)
        if expired and working.remaining > 0 and not working.at_market:
            self._expire(working, bar, costs, budget, time_ns, report)

    def _price(self, working: Working, bar: Bar, costs: prices.Costs, from_open: bool) -> float | None:
        if working.at_market:
            return prices.market_price(bar.open, working.buys, costs)
        if working.is_stop:
            if not prices.stop_reached(working, bar):
                return None
            working.triggered = True
            if working.order.type is OrderType.STOP:
                working.at_market = True
                return prices.stop_price(working, bar, costs)
            # A stop-limit becomes a limit at an unknown moment of the bar: it trades from the next bar on.
            return None
        return prices.limit_fill(working, bar, self._tick(bar.symbol), self._model, costs, from_open)

    def _expire(
        self, working: Working, bar: Bar, costs: prices.Costs, budget: Decimal | None, time_ns: int,
        report: BrokerReport,
    ) -> None:  # fmt: skip
        if not working.order.fallback_market:
            self._drop(working, OrderState.EXPIRED, time_ns, report, "its time is over")
            return
        working.at_market = True
        self._fill(working, prices.late_market_price(working, bar, self._model, costs), budget, bar, time_ns, report)

    def _on_quote(self, quote: Quote, time_ns: int, report: BrokerReport) -> None:
        """Quotes alone (no bars): what is marketable fills at the other side's price."""
        for working in self._in_order(self._by_symbol[quote.symbol]):
            if working.remaining <= 0 or working.from_ns > time_ns or working.order.client_id not in self._orders:
                continue
            other = quote.ask if working.buys else quote.bid
            if other is not None:
                self._last[quote.symbol] = other
                price = self._quote_price(working, other)
                if price is not None:
                    self._fill(working, price, None, None, time_ns, report)
            expires = working.order.expires_ns
            if expires is not None and expires <= time_ns and working.remaining > 0 and not working.at_market:
                if working.order.fallback_market:
                    working.at_market = True
                else:
                    self._drop(working, OrderState.EXPIRED, time_ns, report, "its time is over")

    def _quote_price(self, working: Working, other: float) -> float | None:
        costs = (0.0, self._slippage)
        if working.at_market:
            return prices.market_price(other, working.buys, costs)
        if working.is_stop:
            if (other >= working.stop) != working.buys and other != working.stop:
                return None
            working.triggered = True
            if working.order.type is OrderType.STOP:
                working.at_market = True
                return prices.market_price(other, working.buys, costs)
        marketable = other <= working.limit if working.buys else other >= working.limit
        return other if marketable else None

    # -- fills -----------------------------------------------------------------------------------------------------

    def _fill(
        self, working: Working, price: float, budget: Decimal | None, bar: Bar | None, time_ns: int,
        report: BrokerReport,
    ) -> None:  # fmt: skip
        quantity = self.account.reducible(working)
        if quantity <= 0:
            self._drop(working, OrderState.CANCELLED, time_ns, report, "nothing is left to close")
            return
        if budget is not None:
            quantity = min(quantity, budget)
        if quantity <= 0:
            return
        report.fills.append(self.account.book(working, quantity, price, time_ns))
        done = working.filled >= working.order.quantity  # a leg's parent may still fill more
        state = OrderState.FILLED if done else OrderState.PARTLY_FILLED
        report.updates.append(OrderUpdate(working.order.client_id, state, time_ns))
        if done:
            self._forget(working)
        self._shrink_group(working, quantity, time_ns, report)
        self._wake_children(working, quantity, bar, time_ns, report)

    def _shrink_group(self, working: Working, quantity: Decimal, time_ns: int, report: BrokerReport) -> None:
        """One cancels the other: what one leg fills, the others lose."""
        group = working.order.group
        if group is None:
            return
        for other in list(self._by_symbol.get(working.order.symbol, ())):
            if other is working or other.order.group != group:
                continue
            other.lose(quantity)
            if other.order.quantity <= other.filled:
                self._drop(other, OrderState.CANCELLED, time_ns, report, "the other leg filled")

    def _wake_children(
        self, working: Working, quantity: Decimal, bar: Bar | None, time_ns: int, report: BrokerReport
    ) -> None:
        """Bracket legs live from their parent's fill on; the rest of that bar counts for them."""
        parent = working.order.client_id
        children = [w for w in self._by_symbol.get(working.order.symbol, ()) if w.order.parent == parent]
        for child in children:
            child.release(quantity)
            child.from_ns = time_ns
        if bar is None or not children:
            return
        budget, costs = self._budget(bar), (0.0, self._slippage)
        at_open = working.order.type is OrderType.MARKET
        for child in self._in_order(children):
            if child.order.client_id not in self._orders or child.remaining <= 0:
                continue
            # After a fill at the open the whole bar follows. Otherwise only the stop is believed: a target may have
            # been touched before the entry.
            if child.is_stop or at_open or self._model is FillModel.OPTIMISTIC:
                self._try_bar(child, bar, costs, budget, time_ns, report, from_open=True)

    def _drop(self, working: Working, state: OrderState, time_ns: int, report: BrokerReport, reason: str) -> None:
        """Take an order off the market; legs of an entry that never filled go with it."""
        self._forget(working)
        report.updates.append(OrderUpdate(working.order.client_id, state, time_ns, reason))
        if working.order.leg is Leg.ENTRY and working.filled == 0:
            for child in [w for w in self._orders.values() if w.order.parent == working.order.client_id]:
                self._drop(child, OrderState.CANCELLED, time_ns, report, "its entry never filled")

    def _forget(self, working: Working) -> None:
        self._orders.pop(working.order.client_id, None)
        symbol = working.order.symbol
        left = [w for w in self._by_symbol.get(symbol, ()) if w is not working]
        if left:
            self._by_symbol[symbol] = left
        else:
            self._by_symbol.pop(symbol, None)

    def _budget(self, bar: Bar) -> Decimal | None:
        """How much one order may take of this bar; None where its volume is unknown."""
        if bar.volume is None:
            return None
        lot = self.instruments[bar.symbol].lot_size
        share = Decimal(repr(bar.volume)) * self.settings.participation
        return (share / lot).quantize(Decimal(1), ROUND_FLOOR) * lot

    def _costs(self, symbol: str) -> prices.Costs:
        """Half the last spread, and the slippage; the optimist pays neither."""
        quote = self._quotes.get(symbol)
        if quote is None or self._model is FillModel.OPTIMISTIC or quote.bid is None or quote.ask is None:
            return 0.0, self._slippage
        return max(quote.ask - quote.bid, 0.0) / 2, self._slippage

    def _tick(self, symbol: str) -> float:
        return float(self.instruments[symbol].tick_size)

    # -- orders ----------------------------------------------------------------------------------------------------

    def place(self, orders: Sequence[Order], time_ns: int) -> BrokerReport:
        """Accept or refuse ``orders``; a refused entry takes its legs with it."""
        report = BrokerReport()
        refused: set[str] = set()
        for order in orders:
            reason = "its entry was refused" if order.parent in refused else self._refusal(order)
            if reason:
                refused.add(order.client_id)
                report.updates.append(OrderUpdate(order.client_id, OrderState.REFUSED, time_ns, reason))
                continue
            working = Working.of(order, time_ns + self._latency_ns)
            self._seen.add(order.client_id)
            self._orders[order.client_id] = working
            self._by_symbol.setdefault(order.symbol, []).append(working)
            report.updates.append(OrderUpdate(order.client_id, OrderState.WORKING, time_ns))
        return report

    def _refusal(self, order: Order) -> str:
        """Why an order cannot be taken; empty when it can."""
        instrument = self.instruments.get(order.symbol)
        if order.client_id in self._seen:
            return f"client id {order.client_id} was used before"
        if instrument is None:
            return f"there is no symbol {order.symbol}"
        if not instrument.tradable:
            return f"{order.symbol} is an index and cannot be ordered"
        if order.quantity <= 0 or order.quantity % instrument.lot_size != 0:
            return f"quantity {order.quantity} is not a whole number of lots of {instrument.lot_size}"
        for price in (order.limit, order.stop):
            if price is not None and (price <= 0 or price % instrument.tick_size != 0):
                return f"price {price} is not on the grid of {instrument.tick_size}"
        if order.symbol not in self._last:
            return f"no price of {order.symbol} is known"
        return self._cash_refusal(order)

    def _cash_refusal(self, order: Order) -> str:
        if order.leg is not Leg.ENTRY or order.side is Side.SELL or not self.settings.cash_check:
            return ""
        price = order.limit or order.stop or Decimal(repr(self._last[order.symbol]))
        cost = price * order.quantity
        if cost <= self.account.cash:
            return ""
        return f"it costs {cost:.2f} and {self.account.cash:.2f} in cash is there"

    def cancel(self, client_ids: Sequence[str], time_ns: int) -> BrokerReport:
        """Take orders off the market; one that is done already is left alone."""
        report = BrokerReport()
        for client_id in client_ids:
            working = self._orders.get(client_id)
            if working is not None:
                self._drop(working, OrderState.CANCELLED, time_ns, report, "cancelled")
        return report

    def replace(
        self, client_id: str, time_ns: int, *, quantity: Decimal | None = None, stop: Decimal | None = None
    ) -> BrokerReport:
        """Move a stop or shrink a quantity; an order that is gone is left alone."""
        report = BrokerReport()
        working = self._orders.get(client_id)
        if working is None:
            return report
        if stop is not None:
            working.move_stop(stop)
        if quantity is not None:
            working.shrink(quantity)
        report.updates.append(OrderUpdate(client_id, OrderState.WORKING, time_ns, "changed"))
        return report

    def resting(self) -> list[Order]:
        """Orders that are not done, as they stand."""
        return [w.order for w in self._orders.values()]
