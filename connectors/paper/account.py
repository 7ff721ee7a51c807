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
SETTLED = "the market was settled"
PositionKey = tuple[str, str]


@dataclass(slots=True)
class PaperAccount:
    """``positions`` are signed units by (strategy, symbol). Of a binary contract one below zero is that many NO: what
    it was sold for is in ``cash``, and the dollar that it may have to pay is kept back (``owed``)."""

    settings: PaperSettings
    instruments: Mapping[str, Instrument]
    cash: Decimal = ZERO
    positions: dict[PositionKey, Decimal] = field(default_factory=dict)

    def fee(self, symbol: str, quantity: Decimal) -> Decimal:
        """What an order pays for ``quantity`` in all; of contracts the most that it can be."""
        rate = self._rate(symbol)
        if rate is not None:
            return rate * quantity / 4
        return max(self.settings.fee_minimum, self.settings.fee_per_unit * quantity)

    def _rate(self, symbol: str) -> Decimal | None:
        """Of contracts; None for what is charged by the unit."""
        if not self.is_binary(symbol):
            return None
        return self.settings.contract_rates.get(symbol, self.settings.contract_rate)

    def _fee_of_fill(self, working: Working, quantity: Decimal, price: Decimal) -> Decimal:
        symbol = working.order.symbol
        rate = self._rate(symbol)
        if rate is None:
            return self.fee(symbol, working.filled) - working.fee
        return (rate * quantity * price * (1 - price)).quantize(CENT_FRACTION, ROUND_CEILING)

    def is_binary(self, symbol: str) -> bool:
        """Whether it is a contract that pays $1 or nothing."""
        return self.instruments[symbol].kind is InstrumentKind.BINARY

    def cost(self, symbol: str, side: Side, price: Decimal) -> Decimal:
        """Cash that a unit takes: to sell a contract that pays $1 is to buy NO; selling anything else takes none."""
        if side is Side.BUY:
            return price
        return 1 - price if self.is_binary(symbol) else ZERO

    @property
    def owed(self) -> Decimal:
        """Dollars that contracts sold short may have to pay."""
        return sum((-q for (_, symbol), q in self.positions.items() if q < 0 and self.is_binary(symbol)), ZERO)

    def settle(self, symbol: str, value: Decimal, time_ns: int) -> list[Fill]:
        """A market paid ``value`` a contract: every position in it is over, without a fee."""
        fills = []
        for (strategy, held_symbol), held in sorted(self.positions.items()):
            if held_symbol == symbol:
                self.cash += held * value
                side = Side.SELL if held > 0 else Side.BUY
                fills.append(Fill(
                    f"settlement/{symbol}/{strategy}", "", symbol, strategy, side, abs(held), value, ZERO, time_ns,
                    Leg.EXIT, SETTLED,
                ))  # fmt: skip
        for fill in fills:
            del self.positions[fill.strategy, symbol]
        return fills

    def reducible(self, working: Working) -> Decimal:
        """How much the order may fill: an entry all of it, any other only what is held against it."""
        order = working.order
        if order.leg is Leg.ENTRY:
            return working.remaining
        held = self.positions.get((order.strategy, order.symbol), ZERO)
        against = held if order.side is Side.SELL else -held
        return min(working.remaining, max(against, ZERO))

    def book(self, working: Working, quantity: Decimal, price: float, filled_ns: int) -> Fill:
        """Fill ``quantity`` of an order at ``price``; fees are charged per order, so that the minimum counts once."""
        order = working.order
        exact = Decimal(repr(price)).quantize(CENT_FRACTION, ROUND_HALF_EVEN)
        exact = self.instruments[order.symbol].within(exact)  # no slippage takes a contract beyond its prices
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
            exact, fee, filled_ns, order.leg, order.reason,
        )  # fmt: skip
