"""Symbols as the machine trades them: their grids and costs, and where what is read of them comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from engine.decide.clock import NAMES as CLOCK_FACTS
from engine.decide.sessions import Windows
from engine.market.instrument import Instrument, InstrumentKind
from engine.plan.arrays import Floats
from engine.plan.build import GUARD, ORDER_OWNER
from engine.plan.columns import CannotCompile, is_live
from engine.plan.ops import Group
from engine.research.columns.common import ACCOUNT_FACTS, ORDER_FACTS, Common, Placed, whole
from engine.research.columns.machine.layout import NONE
from engine.research.columns.positions import has_every
from engine.research.columns.tables import Range

LARGEST_RATE = 1_000_000
NANO = Decimal("1e-9")


class Symbols:
    """Records of symbols and of the bands of their prices. ``leaves``: the slots that what is read starts from.

    ``settings``: parameters that sessions set, by pack, name and initial value. Raises CannotCompile.
    """

    def __init__(
        self, common: Common, watches: Mapping[str, list[dict[str, float]]], leaves: Mapping[str, set[int]]
    ) -> None:
        self._c, self._leaves = common, leaves
        self.settings: dict[tuple[str, str, float], int] = {}
        self.rows = self._symbols(watches)
        self.bands = self._bands(self.rows)

    def _symbols(self, watches: Mapping[str, list[dict[str, float]]]) -> list[dict[str, float]]:
        rows, at = [], 0
        for symbol, placed in self._c.placed.items():
            instrument, watched = self._c.instruments[symbol], len(watches[symbol])
            loads, clock, moved, account, remembers = self._inputs(symbol, placed)
            order = self._order_slots(placed, symbol)
            facts, _ = self._c.position_slots(placed, ORDER_OWNER)
            guard = placed.segments.get(GUARD, (0, 0))
            rows.append({
                "tradable": int(instrument.tradable), "calendar": self._c.times.calendars.index(instrument.calendar),
                "lot": whole(instrument.lot_size * self._c.unit), "tick": whole(instrument.tick_size / NANO),
                **self._contract(instrument), "tick_size": float(instrument.tick_size),
                "late_begin": placed.late[0], "late_end": placed.late[1],
                "guard_begin": guard[0], "guard_end": guard[1], "loads_begin": loads[0], "loads_end": loads[1],
                "clock_begin": clock[0], "clock_end": clock[1], "moved_begin": moved[0], "moved_end": moved[1],
                "account_begin": account[0], "account_end": account[1], "facts_begin": facts[0],
                "facts_end": facts[1], "watches_begin": at, "watches_end": at + watched, "order_begin": order,
                "head": NONE, "tail": NONE, "computed": NONE, "synced": NONE, "barred": NONE, "remembers": remembers,
                "every": int(has_every(placed)),
                **dict.fromkeys(("last", "bid", "ask", "close", "quote_bid", "quote_ask"), math.nan),
                **self._market_columns(symbol),
            })  # fmt: skip
            at += watched
        return rows

    def _contract(self, instrument: Instrument) -> dict[str, float]:
        """Its kind, its event, what takers pay, and the bounds of its prices."""
        events = [i.event or symbol for symbol, i in self._c.instruments.items()]
        binary = instrument.kind is InstrumentKind.BINARY
        rate, scale = self._c.terms.rate(instrument.symbol).as_integer_ratio() if binary else (0, 1)
        if max(abs(rate), scale) > LARGEST_RATE:
            raise CannotCompile(f"the fee rate {rate / scale} of {instrument.symbol} has too many decimals")
        bounds = {"lowest": instrument.lowest, "highest": instrument.highest}
        return {
            "binary": int(binary), "event": events.index(instrument.event or instrument.symbol), "rate": rate,
            "rate_scale": scale,
            **{name: NONE if price is None else whole(price * 10_000) for name, price in bounds.items()},
        }  # fmt: skip

    def _market_columns(self, symbol: str) -> dict[str, float]:
        """Columns that say where the market stood, whether a rule reads them or not."""
        graph = self._c.graphs[symbol]
        names = ("last", "close", *(("bid", "ask") if symbol in self._c.quoted else ()))
        found: dict[str, float] = {f"{name}_column": NONE for name in ("bid", "ask")}
        return found | {f"{name}_column": graph.input("market", name) for name in names}

    def _inputs(self, symbol: str, placed: Placed) -> tuple[Range, Range, Range, Range, int]:
        """Where each input of what is read at an instant comes from."""
        program, facts = placed.program, self._c.plan.ruleset.facts
        keys = {slot: key for key, slot in program.inputs.items()}
        loads, clock, moved, account = [], [], [], []
        remembers = 0
        stored = []
        for slot in sorted(self._leaves[symbol]):
            key = keys.get(slot)
            node = placed.by_slot.get(slot)
            if node is not None:
                stored.append(slot)
                remembers |= int(bool(node.depends & Group.CLOCK))
            elif key is None or (is_live(key, facts) and key.name not in ACCOUNT_FACTS):
                continue
            elif key.name in CLOCK_FACTS and key.what == "fact":
                clock.append((placed.base + slot, CLOCK_FACTS.index(key.name)))
            elif key.what == "parameter":
                moved.append((placed.base + slot, self._setting(key.name, float(program.initial[slot]))))
            elif key.name in ACCOUNT_FACTS:
                account.append((placed.base + slot, ACCOUNT_FACTS.index(key.name)))
            elif key.what in ("fact", "time"):
                stored.append(slot)
        columns = self._c.graphs[symbol].column_of(program, placed.nodes, stored)
        loads = [(placed.base + slot, columns[slot]) for slot in stored]
        add, number = self._c.lists.add, self._c.names.index(symbol)
        loaded = add(loads)
        self._c.origins.loads += [(loaded[0] + k, number, slot) for k, slot in enumerate(stored)]
        return loaded, add(clock), add(moved), add(account), remembers

    def _setting(self, name: str, initial: float) -> int:
        pack = next(n for n, p in enumerate(self._c.packs) if any(name in s.settings for s in p.sessions))
        return self.settings.setdefault((str(pack), name, initial), len(self.settings))

    def _order_slots(self, placed: Placed, symbol: str) -> int:
        slots = {k.name: s for k, s in placed.program.inputs.items() if k.what == "fact" and k.name in ORDER_FACTS}
        code = int(self._c.plan.texts.code(symbol))
        pairs = [(placed.base + slots[name] if name in slots else NONE, code) for name in ORDER_FACTS]
        return self._c.lists.add(pairs)[0]

    def _bands(self, symbols: list[dict[str, float]]) -> list[dict[str, float]]:
        rows: list[dict[str, float]] = []
        for row, symbol in zip(symbols, self._c.placed, strict=True):
            row["bands_begin"] = len(rows)
            for band in self._c.instruments[symbol].bands:
                rows.append({name: whole(getattr(band, name) / NANO) for name in ("start", "end", "step")})
            row["bands_end"] = len(rows)
        return rows

    def setting_packs(self) -> list[tuple[int, int]]:
        return [(int(pack), 0) for pack, _, _ in self.settings]

    def setting_values(self) -> Floats:
        combos = self._c.times.combos
        values = np.zeros((max(len(combos), 1), max(len(self.settings), 1)))
        for row, (pack, sessions) in enumerate(combos):
            merged = Windows(pack, open=sessions).settings()
            for (_, name, initial), column in self.settings.items():
                values[row, column] = merged.get(name, initial)
        return values
