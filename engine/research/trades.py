"""Round trips: fills in, closed trades out, one trade from flat to flat for each strategy and symbol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from engine.market.events import Bar
from engine.market.orders import Fill, Leg, Side

END_OF_DATA = "end of data"
"""The reason a back-test gives to fills that close what is still open at the last bar."""

_ZERO = Decimal(0)
_HIGH, _LOW = attrgetter("high"), attrgetter("low")
_FEE_GRID = Decimal("1e-8")


class ExitPart(NamedTuple):
    """One fill that reduced a position: ``reason`` as in `ClosedTrade.exit_reason`, units, money per unit, UTC ns."""

    reason: str
    quantity: Decimal
    price: Decimal
    time_ns: int


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """One round trip, from flat to flat.

    ``quantity`` is all units entered; ``entry`` and ``exit`` are average prices over those units (money per unit).
    ``gross`` and ``net`` (= gross - fees) are money and come from the cash that moved, not from the rounded averages,
    so they add up exactly. ``exit_reason`` is that of the fill that closed the last unit: ``stop``, ``target``,
    ``end of data`` or the name of the exit rule; ``exits`` lists every reducing fill, the last one included.
    ``high`` and ``low`` are the extreme prices seen while open, entry and exit included; ``mid_at_entry`` is the mid
    price when the entry was decided, None where there was no quote. ``bars_held`` counts bars of the symbol.
    """

    strategy: str
    symbol: str
    side: Side
    quantity: Decimal
    entry: Decimal
    exit: Decimal
    opened_ns: int
    closed_ns: int
    gross: Decimal
    fees: Decimal
    net: Decimal
    exit_reason: str
    entry_client_id: str
    high: float
    low: float
    mid_at_entry: float | None
    bars_held: int
    exits: tuple[ExitPart, ...] = ()

    @property
    def holding_ns(self) -> int:
        """From the first entry fill to the fill that made the position flat, in nanoseconds."""
        return self.closed_ns - self.opened_ns


@dataclass(slots=True)
class _OpenTrade:
    """A round trip under way. Notionals are price times quantity, unsigned."""

    strategy: str
    symbol: str
    side: Side
    opened_ns: int
    entry_client_id: str
    mid_at_entry: float | None
    high: float
    low: float
    entered: Decimal = _ZERO
    exited: Decimal = _ZERO
    entry_notional: Decimal = _ZERO
    exit_notional: Decimal = _ZERO
    fees: Decimal = _ZERO
    bars_held: int = 0
    exits: list[ExitPart] = field(default_factory=list)

    @property
    def remaining(self) -> Decimal:
        return self.entered - self.exited

    def see(self, high: float, low: float) -> None:
        self.high = max(self.high, high)
        self.low = min(self.low, low)

    def enter(self, fill: Fill) -> None:
        self.entered += fill.quantity
        self.entry_notional += fill.quantity * fill.price
        self._count(fill)

    def leave(self, fill: Fill) -> None:
        self.exited += fill.quantity
        self.exit_notional += fill.quantity * fill.price
        self.exits.append(ExitPart(exit_reason(fill), fill.quantity, fill.price, fill.time_ns))
        self._count(fill)

    def _count(self, fill: Fill) -> None:
        self.fees += fill.fee
        price = float(fill.price)
        self.see(price, price)

    def closed(self) -> ClosedTrade:
        last = self.exits[-1]
        gross = (self.exit_notional - self.entry_notional) * self.side.sign
        return ClosedTrade(
            strategy=self.strategy,
            symbol=self.symbol,
            side=self.side,
            quantity=self.entered,
            entry=self.entry_notional / self.entered,
            exit=self.exit_notional / self.entered,
            opened_ns=self.opened_ns,
            closed_ns=last.time_ns,
            gross=gross,
            fees=self.fees,
            net=gross - self.fees,
            exit_reason=last.reason,
            entry_client_id=self.entry_client_id,
            high=self.high,
            low=self.low,
            mid_at_entry=self.mid_at_entry,
            bars_held=self.bars_held,
            exits=tuple(self.exits),
        )


def exit_reason(fill: Fill) -> str:
    """Why a reducing fill happened: its bracket leg, else the reason the order carried (the name of the exit rule)."""
    if fill.leg is Leg.STOP or fill.leg is Leg.TARGET:
        return fill.leg.value
    return fill.reason or fill.leg.value


class TradeBook:
    """Builds round trips from fills, one at a time for each (strategy, symbol).

    Feed it in market order: ``apply`` for each fill, ``on_bars`` for the bars in between. ``trades`` holds the closed
    ones in the order they closed; ``bars`` counts the bars seen and ``bars_exposed`` those that closed with any
    position open.
    """

    __slots__ = ("_by_symbol", "_open", "bars", "bars_exposed", "trades")

    def __init__(self) -> None:
        self.trades: list[ClosedTrade] = []
        self.bars = 0
        self.bars_exposed = 0
        self._open: dict[tuple[str, str], _OpenTrade] = {}
        self._by_symbol: dict[str, list[_OpenTrade]] = {}

    @property
    def open_count(self) -> int:
        """How many round trips are under way."""
        return len(self._open)

    def on_bars(self, bars: Sequence[Bar]) -> None:
        """Let open trades see the range of their symbol's bars.

        The bar in which an entry fills counts whole, so its extremes may lie before the fill: a bar does not say.
        """
        self.bars += len(bars)
        if not self._open:
            return
        self.bars_exposed += len(bars)
        for symbol, trades in self._by_symbol.items():
            seen = [bar for bar in bars if bar.symbol == symbol] if trades else []
            if seen:
                high, low = max(map(_HIGH, seen)), min(map(_LOW, seen))
                for trade in trades:
                    trade.bars_held += len(seen)
                    trade.see(high, low)

    def apply(self, fill: Fill, mid: float | None = None) -> ClosedTrade | None:
        """Book one fill; the trade that it closed, or None.

        ``mid`` is the mid price when the order was decided (money per unit); it is kept for the fill that opens a
        trade. A fill larger than the open position closes that trade and opens the opposite one with what is left,
        the fee split by quantity. Raises ValueError when the fill's quantity is not positive.
        """
        if fill.quantity <= 0:
            raise ValueError(f"fill {fill.fill_id}: quantity {fill.quantity} must be positive; the side says which way")
        trade = self._open.get((fill.strategy, fill.symbol))
        if trade is None:
            self._begin(fill, mid)
            return None
        if fill.side is trade.side:
            trade.enter(fill)
            return None
        remaining = trade.remaining
        if fill.quantity < remaining:
            trade.leave(fill)
            return None
        if fill.quantity == remaining:
            return self._finish(trade, fill)
        closing_fee = (fill.fee * remaining / fill.quantity).quantize(_FEE_GRID)
        closed = self._finish(trade, fill._replace(quantity=remaining, fee=closing_fee))
        self._begin(fill._replace(quantity=fill.quantity - remaining, fee=fill.fee - closing_fee), mid)
        return closed

    def _begin(self, fill: Fill, mid: float | None) -> None:
        price = float(fill.price)
        trade = _OpenTrade(
            fill.strategy, fill.symbol, fill.side, fill.time_ns, fill.client_id, mid, high=price, low=price
        )
        trade.enter(fill)
        self._open[fill.strategy, fill.symbol] = trade
        self._by_symbol.setdefault(fill.symbol, []).append(trade)

    def _finish(self, trade: _OpenTrade, fill: Fill) -> ClosedTrade:
        trade.leave(fill)
        del self._open[trade.strategy, trade.symbol]
        self._by_symbol[trade.symbol] = [other for other in self._by_symbol[trade.symbol] if other is not trade]
        closed = trade.closed()
        self.trades.append(closed)
        return closed
