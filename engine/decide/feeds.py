"""Facts that the engine itself publishes: of positions, of the account, of the order under judgement."""

from __future__ import annotations

import math
from collections.abc import Callable

from engine.decide.portfolio import Held, Portfolio
from engine.decide.symbol import SymbolState
from engine.market.events import NANOS
from engine.market.instrument import Instrument
from engine.market.orders import Leg, Order, Side
from engine.plan.build import ORDER_OWNER, Texts
from engine.plan.ops import Group
from engine.plan.program import Program

NAN = math.nan


def _gain(held: Held) -> float:
    return (held.last - held.entry) * held.sign


def _price(value: float | None) -> float:
    return NAN if value is None else value


_POSITION: dict[str, Callable[[Held, int], float]] = {
    "position.open": lambda held, now: 1.0,
    "position.quantity": lambda held, now: abs(held.quantity),
    "position.is_long": lambda held, now: 1.0 if held.quantity > 0 else 0.0,
    "position.entry": lambda held, now: held.entry,
    "position.gain": lambda held, now: _gain(held),
    "position.gain_ratio": lambda held, now: _gain(held) / held.entry if held.entry else NAN,
    "position.profit": lambda held, now: _gain(held) * abs(held.quantity),
    "position.age": lambda held, now: (now - held.position.opened_ns) / NANOS,
    "position.bars": lambda held, now: float(held.bars),
    "position.high": lambda held, now: held.high,
    "position.low": lambda held, now: held.low,
    "position.stop": lambda held, now: _price(held.stop_price()),
    "position.target": lambda held, now: _price(held.target_price()),
}
_STEADY = {f"position.{name}" for name in ("open", "quantity", "is_long", "entry", "stop", "target")}
_FLAT = {"position.open": 0.0, "position.quantity": 0.0}


class PositionFeed:
    """Writes the facts of one strategy's position into the slots of one symbol's program."""

    __slots__ = ("_entry_slots", "_flat", "_is_flat", "_is_steady", "_slots", "_v")

    def __init__(self, state: SymbolState, owner: str) -> None:
        inputs = state.memory.program.inputs
        self._v = state.v
        self._is_flat = False
        names = {k.name: s for k, s in inputs.items() if k.what == "fact" and k.owner == owner}
        self._slots = [(s, _POSITION[name]) for name, s in names.items()]
        self._is_steady = all(name in _STEADY for name in names)
        self._flat = [(s, _FLAT.get(name, NAN)) for name, s in names.items()]
        self._entry_slots = [s for k, s in sorted(inputs.items()) if k.what == "entry" and k.owner == owner]

    @property
    def used(self) -> bool:
        return bool(self._slots or self._entry_slots)

    @property
    def is_steady(self) -> bool:
        """Whether the facts that are read stay as they are while no order of the position fills or changes."""
        return self._is_steady

    def write(self, held: Held | None, now_ns: int) -> bool:
        """Facts of a position, or of being flat; False when nothing can have changed."""
        v = self._v
        if held is None:
            if self._is_flat:
                return False
            for slot, value in self._flat:
                v[slot] = value
            for slot in self._entry_slots:
                v[slot] = NAN
            self._is_flat = True
            return True
        self._is_flat = False
        for slot, getter in self._slots:
            v[slot] = getter(held, now_ns)
        values = held.entry_values
        for number, slot in enumerate(self._entry_slots):
            v[slot] = values[number] if number < len(values) else NAN
        return True


_Reader = Callable[[Portfolio, str], float]


def _drawdown(portfolio: Portfolio, symbol: str) -> float:
    return 1.0 - portfolio.equity() / portfolio.peak_equity if portfolio.peak_equity > 0 else NAN


_PORTFOLIO: dict[str, _Reader] = {
    "positions.count": lambda p, symbol: float(len(p.held)),
    "positions.in_symbol": lambda p, symbol: float(p.count_in(symbol)),
    "orders.open": lambda p, symbol: float(len(p.pending)),
    "orders.open_in_symbol": lambda p, symbol: float(p.pending_in(symbol)),
    "entries.today": lambda p, symbol: float(sum(p.entries_today.values())),
    "entries.in_symbol_today": lambda p, symbol: float(p.entries_today.get(symbol, 0)),
    "entries.cost_today": lambda p, symbol: p.cost_today(),
    "exposure.total": lambda p, symbol: p.exposure(),
    "exposure.in_symbol": lambda p, symbol: p.exposure(symbol=symbol),
    "exposure.in_event": lambda p, symbol: p.exposure(event=p.event_of(symbol)),
    "account.cash": lambda p, symbol: p.free_cash(),
    "account.equity": lambda p, symbol: p.equity(),
    "pnl.today": lambda p, symbol: p.equity() - p.equity_at_day_start,
    "pnl.realized_today": lambda p, symbol: float(p.realised - p.realised_at_day_start),
    "pnl.total": lambda p, symbol: p.equity() - float(p.initial_cash),
    "pnl.drawdown": _drawdown,
}
_MARKED = {"account.equity", "pnl.today", "pnl.total", "pnl.drawdown"}  # move with prices, not only with fills


class PortfolioFeed:
    """Writes the account's facts into one symbol's program when they have moved."""

    __slots__ = ("_moves_with_price", "_slots", "_state", "_version")

    def __init__(self, state: SymbolState) -> None:
        inputs = state.memory.program.inputs
        names = {k.name: s for k, s in inputs.items() if k.what == "fact" and k.name in _PORTFOLIO}
        self._state = state
        self._slots = [(s, _PORTFOLIO[name]) for name, s in names.items()]
        self._moves_with_price = any(name in _MARKED for name in names)
        self._version = -1

    @property
    def used(self) -> bool:
        return bool(self._slots)

    @property
    def moves_with_price(self) -> bool:
        """Whether prices of what is held move the facts that are read."""
        return self._moves_with_price

    def write(self, portfolio: Portfolio) -> None:
        if portfolio.version == self._version and not (self._moves_with_price and portfolio.held):
            return
        self._version = portfolio.version
        state = self._state
        for slot, reader in self._slots:
            state.v[slot] = reader(portfolio, state.symbol)
        state.event |= Group.PORTFOLIO


def order_facts(
    order: Order, price: float, stop: float | None, texts: Texts, instrument: Instrument
) -> dict[str, float]:
    """The facts ``order.*`` of a wanted order; ``price`` is its limit or the last price."""
    quantity = float(order.quantity)
    return {
        "order.symbol": texts.code(order.symbol),
        "order.strategy": texts.code(order.strategy),
        "order.side": texts.code(order.side.value),
        "order.quantity": quantity,
        "order.price": price,
        "order.notional": quantity * price,
        "order.cost": quantity * instrument.unit_cost(order.side is Side.BUY, price),
        "order.risk": NAN if stop is None or order.leg is not Leg.ENTRY else abs(price - stop) * quantity,
    }


class OrderFeed:
    """Writes the order under judgement, and its strategy's position, into one symbol's program."""

    __slots__ = ("_position", "_slots", "_v")

    def __init__(self, state: SymbolState) -> None:
        program: Program = state.memory.program
        self._v = state.v
        self._slots = {
            k.name: s for k, s in program.inputs.items() if k.what == "fact" and k.name.startswith("order.")
        }
        self._position = PositionFeed(state, ORDER_OWNER)

    def write(self, facts: dict[str, float], held: Held | None, now_ns: int) -> None:
        for name, slot in self._slots.items():
            self._v[slot] = facts[name]
        self._position.write(held, now_ns)
