"""Positions, orders and money as the tick sees them. Changed by broker reports and bars only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from engine.market.events import Bar
from engine.market.instrument import Instrument, InstrumentKind
from engine.market.orders import BrokerReport, Fill, Leg, Order, OrderUpdate, Side
from engine.market.position import ZERO, Position

PositionKey = tuple[str, str]  # strategy key, symbol that is held


@dataclass(slots=True)
class Held:
    """One strategy's position with everything its exits need. Prices here are floats, made from the ledger's.

    ``legs``: protective orders that rest, by client id. ``exiting``: exit orders under way. ``entry_values``: what
    ``position.at_entry`` reads, taken when the entry was decided. ``fired``: exits that act once and did.
    ``trailing``: exits whose trail has been activated.
    """

    position: Position
    last: float = 0.0
    entry: float = 0.0
    quantity: float = 0.0
    high: float = 0.0
    low: float = 0.0
    bars: int = 0
    trigger_symbol: str = ""
    legs: dict[str, Order] = field(default_factory=dict)
    exiting: dict[str, Order] = field(default_factory=dict)
    entry_values: tuple[float, ...] = ()
    fired: set[str] = field(default_factory=set)
    trailing: set[str] = field(default_factory=set)

    @property
    def sign(self) -> int:
        return 1 if self.quantity >= 0 else -1

    def stop_price(self) -> float | None:
        """The protective stop that rests nearest to the market."""
        stops = [float(o.stop) for o in self.legs.values() if o.leg is Leg.STOP and o.stop is not None]
        return (max(stops) if self.quantity > 0 else min(stops)) if stops else None

    def target_price(self) -> float | None:
        """The target that rests nearest to the market."""
        targets = [float(o.limit) for o in self.legs.values() if o.leg is Leg.TARGET and o.limit is not None]
        return (min(targets) if self.quantity > 0 else max(targets)) if targets else None

    def see(self, bar: Bar) -> None:
        """Take note of a bar. Of one inside which it was opened only the close is known to come after."""
        whole = self.position.opened_ns <= bar.open_until_ns
        self.high = max(self.high, bar.high if whole else bar.close)
        self.low = min(self.low, bar.low if whole else bar.close)
        self.last = bar.close
        self.bars += 1

    def refresh(self) -> None:
        """Bring the float copies in line with the ledger after a fill."""
        self.quantity, self.entry = float(self.position.quantity), float(self.position.entry)


@dataclass(slots=True)
class Pending:
    """An entry order under way, with what its position will need."""

    order: Order
    legs: tuple[Order, ...]
    entry_values: tuple[float, ...]
    trigger_symbol: str
    started: bool = False  # some of it has filled
    price: float = 0.0  # what a unit was expected to trade at, for orders without a price of their own
    filled: Decimal = ZERO

    @property
    def reference(self) -> float:
        """The price (money per unit) that what is left of it may trade at."""
        return float(self.order.limit or self.order.stop or 0) or self.price

    @property
    def left(self) -> Decimal:
        """Units that may still fill."""
        return max(self.order.quantity - self.filled, ZERO)


def _added(amounts: Iterable[float]) -> float:
    """One after the other, as columns add: ``sum`` rounds otherwise from Python 3.12 on."""
    total = 0.0
    for amount in amounts:
        total += amount
    return total


def pack_of(rule: str) -> str:
    """The pack of a rule's key."""
    return rule.partition(".")[0]


class Portfolio:
    """The account of one run. ``version`` moves with every change, so that facts are written only when needed."""

    def __init__(self, cash: Decimal, instruments: Mapping[str, Instrument] | None = None) -> None:
        self._instruments = instruments or {}
        self.initial_cash = cash
        self.cash = cash
        self._cash_float = float(cash)
        self.held: dict[PositionKey, Held] = {}
        self.pending: dict[str, Pending] = {}
        self.realised = ZERO
        self.realised_at_day_start = ZERO
        self.equity_at_day_start = float(cash)
        self.peak_equity = float(cash)
        self.entries_today: dict[str, int] = {}
        self.entered_today = 0.0  # what today's entries that filled have cost, money before fees
        self.version = 0

    # -- reading ---------------------------------------------------------------------------------------------------

    def equity(self) -> float:
        """Cash plus all positions at their last prices (money)."""
        worth = self._cash_float
        for held in self.held.values():
            worth += held.quantity * held.last
        return worth

    def spendable(self) -> Decimal:
        """Cash, less the dollar that each contract sold may have to pay: who sold it holds NO (money)."""
        owed = sum((-h.position.quantity for (_, symbol), h in self.held.items() if h.quantity < 0
                    and self._is_contract(symbol)), ZERO)  # fmt: skip
        return self.cash - owed

    def count_in(self, symbol: str) -> int:
        return sum(1 for _, held_symbol in self.held if held_symbol == symbol)

    def pending_in(self, symbol: str) -> int:
        return sum(1 for p in self.pending.values() if p.order.symbol == symbol)

    def event_of(self, symbol: str) -> str:
        """What the symbol settles on; the symbol itself where it settles on nothing that is known."""
        instrument = self._instruments.get(symbol)
        return symbol if instrument is None else instrument.event or symbol

    def exposure(self, symbol: str | None = None, event: str | None = None) -> float:
        """Cost (money, fees apart) of positions and of what is left of entry orders: of one symbol, of all symbols that
        settle on one event, or of all."""
        def counts(strategy: str, other: str) -> bool:
            return (symbol is None or other == symbol) and (event is None or self.event_of(other) == event)

        return self._tied_up(counts)

    def exposure_of_pack(self, pack: str) -> float:
        """As ``exposure``, of all that the strategies of a pack hold and have ordered."""
        return self._tied_up(lambda strategy, symbol: pack_of(strategy) == pack)

    def ordered(self, strategy: str, symbol: str) -> float:
        """Units that entry orders under way of a strategy may still bring in a symbol."""
        pending = (p for p in self.pending.values() if (p.order.strategy, p.order.symbol) == (strategy, symbol))
        return float(sum((p.left for p in pending), ZERO))

    def _tied_up(self, counts: Callable[[str, str], bool]) -> float:
        """Cost of what is held and wanted, as far as it counts by strategy and symbol."""
        held = _added(
            abs(h.quantity) * self._unit_cost(s, h.quantity > 0, h.entry)
            for (strategy, s), h in self.held.items() if counts(strategy, s)
        )  # fmt: skip
        wanted = _added(
            self._cost_left(p) for p in self.pending.values() if counts(p.order.strategy, p.order.symbol)
        )
        return held + wanted

    def cost_today(self) -> float:
        """What today's entries cost (money, fees apart), those under way included."""
        return self.entered_today + self._ordered_cost()

    def free_cash(self) -> float:
        """Cash that is left to be spent once every entry order under way has filled (money, fees apart)."""
        return float(self.spendable()) - self._ordered_cost()

    def _ordered_cost(self) -> float:
        return _added(self._cost_left(p) for p in self.pending.values())

    def _cost_left(self, pending: Pending) -> float:
        order = pending.order
        return float(pending.left) * self._unit_cost(order.symbol, order.side is Side.BUY, pending.reference)

    def _is_contract(self, symbol: str) -> bool:
        instrument = self._instruments.get(symbol)
        return instrument is not None and instrument.kind is InstrumentKind.BINARY

    def _unit_cost(self, symbol: str, buys: bool, price: float) -> float:
        instrument = self._instruments.get(symbol)
        return price if instrument is None else instrument.unit_cost(buys, price)

    def started_entries(self, key: PositionKey) -> list[str]:
        """Entries of a position that have filled in part; once the position is gone, the rest must not come."""
        return [
            client_id
            for client_id, p in self.pending.items()
            if p.started and (p.order.strategy, p.order.symbol) == key
        ]

    def under_way(self) -> bool:
        """Whether an entry or an exit has been ordered whose end is not known yet."""
        return bool(self.pending) or any(held.exiting for held in self.held.values())

    # -- changing --------------------------------------------------------------------------------------------------

    def start_with(self, cash: Decimal) -> None:
        """The account's cash as its book has it, positions apart: profit is counted from here."""
        self.set_cash(cash)
        self.realised = self.realised_at_day_start = ZERO
        self.initial_cash = Decimal(repr(self.equity()))
        self.equity_at_day_start = self.peak_equity = float(self.initial_cash)
        self.version += 1

    def set_cash(self, cash: Decimal) -> None:
        """What is in cash, whatever made it so."""
        self.cash, self._cash_float = cash, float(cash)

    def note_peak(self) -> None:
        """Once a tick, when fills and prices are in."""
        equity = self.equity()
        if equity > self.peak_equity:
            self.peak_equity = equity

    def new_day(self) -> None:
        """Daily figures start again."""
        self.forget_today()
        self.realised_at_day_start = self.realised
        self.equity_at_day_start = self.equity()
        self.version += 1

    def forget_today(self) -> None:
        """Today's entries count no more."""
        self.entries_today.clear()
        self.entered_today = 0.0

    def expect_entry(self, pending: Pending) -> None:
        """An entry has been written down and is on its way."""
        self.pending[pending.order.client_id] = pending
        symbol = pending.order.symbol
        self.entries_today[symbol] = self.entries_today.get(symbol, 0) + 1
        self.version += 1

    def expect_exit(self, held: Held, order: Order) -> None:
        held.exiting[order.client_id] = order
        self.version += 1

    def mark(self, symbol: str, last: float) -> None:
        """The price moved; positions in the symbol take note."""
        for (_, held_symbol), held in self.held.items():
            if held_symbol == symbol:
                held.last, held.high, held.low = last, max(held.high, last), min(held.low, last)

    def mark_bar(self, bar: Bar) -> None:
        """As ``mark``, of a bar."""
        for (_, held_symbol), held in self.held.items():
            if held_symbol == bar.symbol:
                held.see(bar)

    def mark_bars(self, bars: Sequence[Bar]) -> list[float]:
        """As ``mark_bar`` for successive bars of the one symbol that is held; the equity (money) after each."""
        equity = [self._cash_float] * len(bars)
        for held in self.held.values():
            equity = [worth + held.quantity * bar.close for worth, bar in zip(equity, bars, strict=True)]
            first = 0
            while first < len(bars) and held.position.opened_ns > bars[first].open_until_ns:
                held.see(bars[first])
                first += 1
            whole = bars[first:]
            held.high = max(held.high, max((bar.high for bar in whole), default=held.high))
            held.low = min(held.low, min((bar.low for bar in whole), default=held.low))
            held.last = bars[-1].close
            held.bars += len(whole)
        self.peak_equity = max(self.peak_equity, *equity)
        return equity

    def apply(self, report: BrokerReport) -> list[Held]:
        """Book what the broker did; returns the positions that this closed, with the orders that still rest."""
        closed: list[Held] = []
        for fill in report.fills:
            held = self._book(fill)
            if held is not None:
                closed.append(held)
        for update in report.updates:
            self._note(update, closed)
        self.version += 1
        return closed

    def _book(self, fill: Fill) -> Held | None:
        key = (fill.strategy, fill.symbol)
        self.cash -= fill.price * fill.quantity * fill.side.sign + fill.fee
        self._cash_float = float(self.cash)
        if fill.leg is Leg.ENTRY:
            cost = self._unit_cost(fill.symbol, fill.side is Side.BUY, float(fill.price))
            self.entered_today += float(fill.quantity) * cost
        held = self.held.get(key)
        if held is None:
            held = self._open(key, fill)
        self.realised += held.position.apply(fill) - fill.fee
        held.refresh()
        self._take_legs(held, fill)
        if held.position.open:
            return None
        del self.held[key]
        return held

    def _open(self, key: PositionKey, fill: Fill) -> Held:
        price = float(fill.price)
        held = Held(Position(*key), last=price, high=price, low=price, trigger_symbol=fill.symbol)
        self.held[key] = held
        return held

    def _take_legs(self, held: Held, fill: Fill) -> None:
        """With an entry's fill its bracket comes to life."""
        pending = self.pending.get(fill.client_id)
        if pending is not None:
            pending.started = True
            pending.filled += fill.quantity
            held.entry_values, held.trigger_symbol = pending.entry_values, pending.trigger_symbol
            for leg in pending.legs:
                held.legs.setdefault(leg.client_id, leg)

    def _note(self, update: OrderUpdate, closed: list[Held]) -> None:
        if update.state.open:
            return
        self.pending.pop(update.client_id, None)
        for held in (*self.held.values(), *closed):
            held.legs.pop(update.client_id, None)
            held.exiting.pop(update.client_id, None)
