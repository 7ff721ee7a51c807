"""The named values of one symbol's rules, bar by bar, as a run has them. Pure.

Made by the same program, kernel, clock and session windows as a run's, fed with the symbol's bars alone, each at the
instant at which it is complete: so what a run records and what is built later from the same bars are the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from engine.decide.named import named_plan
from engine.decide.tick import Decider
from engine.market.calendar import TradingCalendar
from engine.market.events import Bar, Tick
from engine.market.instrument import Instrument
from engine.plan.program import INTERPRETED, Kernel
from engine.ruleset.rules import Ruleset


class Features:
    """``names``: what is computed, in the order of the values; ``left_out``: why other names of the rules are not."""

    def __init__(
        self, ruleset: Ruleset, instrument: Instrument, calendars: Mapping[str, TradingCalendar],
        parameters: Mapping[str, float] | None = None, kernel: Kernel = INTERPRETED,
    ) -> None:  # fmt: skip
        """``calendars``: the instrument's and those of all packs. Raises PlanError."""
        symbol = instrument.symbol
        named = named_plan(ruleset, symbol, parameters)
        self.symbol, self.names, self.left_out = symbol, tuple(named.slots), named.left_out
        self._slots = np.array(list(named.slots.values()), dtype=np.int64)
        self._decider = Decider(named.plan, {symbol: instrument}, calendars, Decimal(0), kernel=kernel)
        self._values = self._decider.context.states[symbol].v

    def take(self, bar: Bar) -> list[float] | None:
        """The values at the close of ``bar``, NaN where unknown; None for a bar that is late or was told before."""
        self._decider.observe(Tick(bar.known_ns, (bar,)))
        if self._decider.notes:
            self._decider.notes.clear()
            return None
        values: list[float] = self._values[self._slots].tolist()
        return values
