"""Whether fills on paper cost what they would at a venue, by the settings under which they were made.

A share may trade without commission, but never without slippage: the price moves while an order is on its way.
Contracts that pay $1 meet the quotes of their market and pay its own fee, which no setting takes away. Both take time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from engine.market.instrument import InstrumentKind
from engine.settings.models import PaperSettings

KEPT = ("fee_per_unit", "fee_minimum", "slippage_bps", "latency_ms")


def costs_of(paper: PaperSettings) -> dict[str, str]:
    """The settings that say what a fill costs, as text: what is kept with a run."""
    return {name: str(getattr(paper, name)) for name in KEPT}


def why_free(costs: Mapping[str, str] | None, shares: Iterable[str]) -> str:
    """What fills under ``costs`` did not cost, and the mend; empty when nothing is missing.

    ``shares``: what was traded and is no contract that pays $1. None is what older versions kept.
    """
    if costs is None:
        return "it is older than this check and does not say what its fills cost; run it again"
    if Decimal(costs["latency_ms"]) <= 0:
        return "its orders took no time (paper.latency_ms was 0); set it to 1 or more, and run again"
    first = next(iter(sorted(shares)), None)
    if first is not None and Decimal(costs["slippage_bps"]) <= 0:
        return f"its fills of {first} had no slippage (paper.slippage_bps was 0); set it above 0, and run again"
    return ""


def shares_of(conditions: Mapping[str, Any] | None, symbols: Iterable[str]) -> set[str]:
    """Which of ``symbols`` are no contracts, by the kept conditions of a run; what is unknown is taken for a share."""
    listed = (conditions or {}).get("instruments", ())
    contracts = {one["symbol"] for one in listed if one["kind"] == InstrumentKind.BINARY.value}
    return set(symbols) - contracts
