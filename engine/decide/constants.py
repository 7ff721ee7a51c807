"""What stays the same for a whole run: facts of instruments and of what trading costs."""

from __future__ import annotations

from dataclasses import dataclass

from engine.decide.symbol import SymbolState
from engine.market.instrument import Instrument, InstrumentKind
from engine.plan.ops import Group
from engine.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class VenueFacts:
    """What rules may know of trading costs: fee per unit and least fee (money), slippage as a share of price.

    ``fee_rate``: of contracts that pay $1, see the fact ``venue.fee_rate``; NaN until such a venue has told. Contracts
    pay by it alone, everything else by the unit alone.
    """

    fee_per_unit: float = 0.0
    fee_minimum: float = 0.0
    fee_rate: float = 0.0
    slippage_ratio: float = 0.0


def set_constants(state: SymbolState, instrument: Instrument, venue: VenueFacts, plan: Plan) -> None:
    """Facts that stay the same for the whole run, and the nodes that depend on nothing else."""
    state.set_constant("symbol", plan.texts.code(instrument.symbol))
    state.set_constant("instrument.tick_size", float(instrument.tick_size))
    state.set_constant("instrument.lot_size", float(instrument.lot_size))
    contract = instrument.kind is InstrumentKind.BINARY
    state.set_constant("venue.fee_per_unit", 0.0 if contract else venue.fee_per_unit)
    state.set_constant("venue.fee_minimum", 0.0 if contract else venue.fee_minimum)
    state.set_constant("venue.fee_rate", venue.fee_rate if contract else 0.0)
    state.set_constant("venue.slippage_ratio", venue.slippage_ratio)
    state.memory.compute_main(Group.START | Group.POSITION)
