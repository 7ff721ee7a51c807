"""How the paper broker fills, and what it charges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class FillModel(StrEnum):
    """Which fills count.

    CENTRAL: a resting limit fills when price trades through it, a market order at the next bar's open (half the
    spread and the slippage worse), a stop before a target that lies in the same bar.
    PESSIMISTIC: a limit needs a full tick beyond it, slippage doubles, a market order that cannot be placed in the
    bar fills at its worst price.
    OPTIMISTIC: a touch fills, the target comes first, nothing slips.
    """

    PESSIMISTIC = "pessimistic"
    CENTRAL = "central"
    OPTIMISTIC = "optimistic"


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """Money in dollars. ``participation`` is the largest share of a bar's volume that one order may take in it.

    ``contract_rate``: of contracts that pay $1 (binary instruments) the fee is this times count × price × (1 − price),
    rounded up to $0.0001 for each fill, and the other fees are not charged; ``contract_rates`` has the rates of markets
    that differ.
    """

    cash: Decimal = Decimal(100_000)
    fee_per_unit: Decimal = Decimal("0.005")
    fee_minimum: Decimal = Decimal(1)
    contract_rate: Decimal = Decimal("0.07")
    contract_rates: Mapping[str, Decimal] = field(default_factory=dict)
    slippage_bps: Decimal = Decimal(1)
    latency_ms: int = 250
    participation: Decimal = Decimal("0.1")
    fill_model: FillModel = FillModel.CENTRAL
    cash_check: bool = True

    @property
    def slippage_ratio(self) -> float:
        """Slippage as a share of price under this fill model."""
        factor = {FillModel.PESSIMISTIC: 2.0, FillModel.CENTRAL: 1.0, FillModel.OPTIMISTIC: 0.0}[self.fill_model]
        return float(self.slippage_bps) / 10_000 * factor
