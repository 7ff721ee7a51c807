"""The paper account: cash and net positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

from connectors.paper.settings import PaperSettings
from connectors.paper.working import ZERO, Working
from engine.market.instrument import Instrument, InstrumentKind
from engine.market.orders import Fill, Leg, Side

CENT_FRACTION = Decimal("0.0001")
PositionKey = tuple[str, str]


@dataclass(slots=True)
class PaperAccount:
    """``positions`` are signed units by (strategy, symbol)."""

    settings: PaperSettings
    instruments: Mapping[str, Instrument]
    cash: Decimal = ZERO
    positions: dict[PositionKey, Decimal] = field(default_factory=dict)

    def is_contract(self, symbol: str) -> bool:
        """Whether a unit pays $1 or nothing, so that one that is sold owes up to $1."""
        instrument = self.instruments.get(symbol)
        return instrument is not None and instrument.kind is InstrumentKind.BINARY

    def fee(self, symbol: str, quantity: Decimal) -> Decimal:
        """What an order pays for ``quantity`` in all; of contracts the most that it can be."""
        if self.is_contract(symbol):
            return self.settings.contract_rate * quantity / 4
        return max(self.settings.fee_minimum, self.settings.fee_per_unit * quantity)

    @property
    def owed(self) -> Decimal:
        """What contracts sold may have to pay: the money that nothing else may spend."""
        return sum((-q for (_, symbol), q in self.positions.items() if q < 0 and self.is_contract(symbol)), ZERO)

    def settle(self, symbol: str, payout: Decimal, time_ns: int) -> list[Fill]:
        """The market is over: every position in it is paid out, without a fee."""
        fills = []
        for (strategy, held), quantity in list(self.positions.items()):
            if held != symbol:
                continue
            side = Side.SELL if quantity > 0 else Side.BUY
            self.cash += quantity * payout
            del self.positions[strategy, held]
            fills.append(Fill(
                f"settlement/{symbol}/{strategy}", "", symbol, strategy, side, abs(quantity), payout, ZERO, time_ns,
                Leg.EXIT, "the market was settled",
            ))  # fmt: skip
        return fills

    def _fee_of_fill(self, working: Working, quantity: Decimal, price: Decimal) -> Decimal:
        if not self.is_contract(working.order.symbol):
            return self.fee(working.order.symbol, working.filled) - working.fee
        rate = self.settings.contract_rate
        return (rate * quantity * price * (1 - price)).quantize(CENT_FRACTION, ROUND_CEILING)

    def reducible(self, working: Working) -> Decimal:
        """How much the order may fill: an entry all of it, any other only what is held against it."""
        order = working.order
        if order.leg is Leg.ENTRY:
            return working.remaining
        held = self.positions.get((order.strategy, order.symbol), ZERO)
        against = held if order.side is Side.SELL else -held
        return min(working.remaining, max(against, ZERO))

    def book(self, working: Working, quantity: Decimal, price: float, time_ns: int) -> Fill:
        """Fill ``quantity`` of an order at ``price``; fees are charged per order, so that the minimum counts once."""
        order = working.order
        exact = Decimal(repr(price)).quantize(CENT_FRACTION, ROUND_HALF_EVEN)
        working.take(quantity)
        fee = self._fee_of_fill(working, quantity, exact)
        working.fee += fee
        key = (order.strategy, order.symbol)
        self.positions[key] = self.positions.get(key, ZERO) + quantity * order.side.sign
        if self.positions[key] == 0:
            del self.positions[key]
        self.cash -= quantity * exact * order.side.sign + fee
        return Fill(
            f"{order.client_id}/{working.fills}", order.client_id, order.symbol, order.strategy, order.side, quantity,
            exact, fee, time_ns, order.leg, order.reason,
        )  # fmt: skip
