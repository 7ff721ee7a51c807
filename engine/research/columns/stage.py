"""What all parameter sets of a run share, laid out once: clocks, rows, columns and their places, tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np

from engine.market.columns import MarketColumns
from engine.market.events import SETTLEMENT
from engine.plan.arrays import Ints
from engine.plan.build import Texts
from engine.plan.columns import ColumnGraph
from engine.plan.plan import Plan, make_plans
from engine.research.columns.calendar_days import local_days_of, tick_times
from engine.research.columns.common import Common
from engine.research.columns.lanes import Lane, lanes_of
from engine.research.columns.machine.layout import NEVER, NONE
from engine.research.columns.rows import CannotLayOut
from engine.research.columns.tables import Tables
from engine.research.columns.tabulate import tabulate
from engine.research.columns.template import Template
from engine.research.columns.terms import FillTerms, Units
from engine.research.parts import SetParts
from engine.ruleset.rules import TriggerKind

MOST_TEMPLATES = 8  # of the structures met last


class Stage:
    """Everything that the sets share. Raises CannotCompile and CannotLayOut."""

    def __init__(
        self, parts: SetParts, market: MarketColumns, sets: Sequence[Mapping[str, float]], terms: FillTerms
    ) -> None:
        if market.asides:
            raise CannotLayOut("the data tells of bars of the past, or of late ones, which are taken in between ticks")
        self.market, self.terms, self.parts = market, terms, parts
        self.texts = Texts()
        self.plans = make_plans(
            parts.ruleset, parts.plan_symbols, [{**parts.parameters, **values} for values in sets], self.texts
        )
        plan = self.plans[0]
        self.symbols = list(plan.symbols)
        self.units = Units.of(terms, parts.instruments.values())
        packs = list(plan.ruleset.packs.values())
        of_symbols = {parts.instruments[symbol].calendar for symbol in self.symbols}
        self.times = tick_times(market, parts.calendars, of_symbols, packs, self.texts)
        self.prefixes = sorted({
            s.trigger.signal for s in plan.ruleset.strategies if s.trigger.kind is TriggerKind.SIGNAL
        })  # fmt: skip
        self.graphs = {symbol: ColumnGraph(plan.ruleset.facts) for symbol in self.symbols}
        self.lanes = self._lanes(plan)
        quoted = {market.symbols[n] for n in np.unique(market.symbol[market.kind == 1])}
        self.tables = self._tables(frozenset(quoted))
        self.bases = self._rebase()
        self.places = self._places()
        self.paid = self._paid()
        self.days, self.day_numbers = local_days_of(market, parts.timezone)

    def _lanes(self, plan: Plan) -> list[Lane]:
        keys = {
            symbol: list(dict.fromkeys(k for p in self.plans for k in p.symbols[symbol].program.inputs))
            for symbol in self.symbols
        }
        calendars = {s: self.parts.calendars[self.parts.instruments[s].calendar] for s in self.symbols}
        frames = plan.symbols[self.symbols[0]].program.frames if self.symbols else ()
        return lanes_of(self.market, self.symbols, keys, frames, calendars, self.prefixes, self.texts)

    def _tables(self, quoted: frozenset[str]) -> list[Tables]:
        """Of each plan; most are filled into those of an earlier one."""
        found: list[Tables] = []
        templates: list[Template] = []
        for plan in self.plans:
            template = next((each for each in templates if each.fits(plan)), None)
            if template is None:
                common = Common(
                    plan, self.parts.instruments, self.graphs, self.times, self.units.quantity, self.prefixes,
                    self.parts.venue_facts(), quoted, self.terms,
                )  # fmt: skip
                found.append(tabulate(common))
                templates = [Template(common, found[-1]), *templates[: MOST_TEMPLATES - 1]]
            else:
                found.append(template.fill(plan))
        return found

    def _rebase(self) -> list[int]:
        """All symbols' columns stand in one array; where each symbol's begin."""
        widths = [self.graphs[s].width for s in self.symbols]
        bases: list[int] = np.concatenate(([0], np.cumsum(widths))).astype(int).tolist()
        for tables in self.tables:
            for number, base in enumerate(bases[:-1]):
                symbol = tables.symbols[number]
                tables.lists[symbol["loads_begin"] : symbol["loads_end"], 1] += base
                for name in ("last_column", "close_column", "bid_column", "ask_column"):
                    if symbol[name] != NONE:
                        symbol[name] += base
            for candidate in tables.candidates:
                candidate.columns = candidate.columns + bases[candidate.symbol]
        return bases

    def _places(self) -> Ints:
        """The plan's number of each event's symbol, NONE where it has none."""
        of_name = [self.symbols.index(name) if name in self.symbols else NONE for name in self.market.symbols]
        if of_name == list(range(len(of_name))):
            return self.market.symbol
        numbers: Ints = np.array(of_name or [NONE], dtype=np.int64)[self.market.symbol]
        return numbers

    def _paid(self) -> Ints:
        """What each observation says that its market settled at, in 1e-4; NEVER where it says nothing of it."""
        seen = self.market.observations
        paid: Ints = np.full(max(len(seen), 1), NEVER, dtype=np.int64)
        for row, observation in enumerate(seen):
            if observation.name == SETTLEMENT and observation.value is not None:
                exact = Decimal(repr(observation.value)) * 10_000
                if exact != int(exact):
                    raise CannotLayOut(f"{observation.symbol} settled at {observation.value}, finer than $0.0001")
                paid[row] = int(exact)
        return paid
