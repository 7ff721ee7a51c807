"""What the machine charges and fills by: the paper broker's settings in exact integers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine.market.instrument import Instrument, InstrumentKind
from engine.plan.columns import CannotCompile
from engine.research.columns.machine.layout import CENTRAL, OPTIMISTIC, PESSIMISTIC

MODELS = {"pessimistic": PESSIMISTIC, "central": CENTRAL, "optimistic": OPTIMISTIC}
LEAST_DECIMALS = 4  # of money: fills are priced to 1e-4
MOST_DECIMALS = 9
NANOS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class FillTerms:
    """How a paper broker fills and what it charges; the fields mean what they do in its settings."""

    model: str
    cash: Decimal
    fee_per_unit: Decimal
    fee_minimum: Decimal
    contract_rate: Decimal
    slippage_ratio: float
    latency_ms: int
    participation: Decimal
    cash_check: bool
    contract_rates: Mapping[str, Decimal] = field(default_factory=dict)

    def rate(self, symbol: str) -> Decimal:
        """Of the contracts of one market."""
        return self.contract_rates.get(symbol, self.contract_rate)


def decimals_of(value: Decimal) -> int:
    """Digits after the point."""
    return max(0, -int(value.normalize().as_tuple().exponent))


@dataclass(frozen=True, slots=True)
class Units:
    """Into how many parts a unit of quantity and of money go."""

    quantity: int
    money: int

    @classmethod
    def of(cls, terms: FillTerms, instruments: Iterable[Instrument]) -> Units:
        """The coarsest in which everything is whole. Raises CannotCompile when that is finer than can be counted."""
        traded = list(instruments)
        rates = [terms.rate(i.symbol) for i in traded if i.kind is InstrumentKind.BINARY]
        lots = [i.lot_size for i in traded]
        of_quantity = max((decimals_of(lot) for lot in lots), default=0)
        of_money = max(
            LEAST_DECIMALS + of_quantity, decimals_of(terms.fee_per_unit) + of_quantity,
            decimals_of(terms.fee_minimum), decimals_of(terms.cash),
            *(decimals_of(rate / 4) + of_quantity for rate in rates),
        )  # fmt: skip
        if of_money > MOST_DECIMALS or of_quantity > MOST_DECIMALS:
            raise CannotCompile(f"fees, lots or cash with more than {MOST_DECIMALS} decimals of money in all")
        return cls(10**of_quantity, 10**of_money)


def fields_of(terms: FillTerms, units: Units) -> Mapping[str, Any]:
    """The fields of ``layout.RUN`` that say how to fill and what to charge."""
    share = terms.participation.as_integer_ratio()
    cash = int(terms.cash * units.money)
    return {
        "model": MODELS[terms.model], "latency": terms.latency_ms * NANOS_PER_MS, "part": share[0],
        "part_scale": share[1], "unit": units.quantity, "money": units.money,
        "price_money": units.money // (10**LEAST_DECIMALS * units.quantity),
        "fee_unit": int(terms.fee_per_unit * units.money / units.quantity),
        "fee_least": int(terms.fee_minimum * units.money),
        "cash_check": int(terms.cash_check), "slippage": terms.slippage_ratio, "money_float": float(units.money),
        "unit_float": float(units.quantity), "cash": cash, "cash_float": float(terms.cash),
        "initial": float(terms.cash), "equity_at_day": float(terms.cash), "peak": float(terms.cash),
    }  # fmt: skip
