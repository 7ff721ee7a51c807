"""Figures of a run for charts and alerts: counted while it goes on, told as JSON values."""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from engine.decide.actions import Decision
from engine.decide.tick import DataNote, Decider
from engine.execute.outcomes import GENERATED, is_signal, options_guards, outcome_of, pack_of, setup_of
from engine.market.events import NANOS, Tick
from engine.market.orders import BrokerReport, Order

BUCKETS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)  # seconds


class RunFigures:
    """A recorder that counts. ``began`` is to be called before each tick, so that its duration is known."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self._options = options_guards(decider.context.plan)
        self._signals: Counter[tuple[str, str, str]] = Counter()
        self._orders: Counter[tuple[str, str]] = Counter()
        self._updates: Counter[str] = Counter()
        self._fills: Counter[tuple[str, str]] = Counter()
        self._durations = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0
        self._ticks = self._events = self._notes = 0
        self._fees = 0.0
        self._halts = 0
        self._was_halted = False
        self._last_ns = 0
        self._started: float | None = None

    @property
    def seen(self) -> int:
        """How many ticks there were."""
        return self._ticks

    def began(self) -> None:
        """A tick begins."""
        self._started = time.perf_counter()

    def decision(self, decision: Decision, decider: Decider) -> None:
        if is_signal(decision):
            whose = pack_of(decision.strategy), setup_of(decision.strategy)
            self._signals[*whose, GENERATED] += 1
            self._signals[*whose, outcome_of(decision, self._options)] += 1

    def orders(self, orders: Sequence[Order]) -> None:
        for order in orders:
            self._orders[order.leg.value, order.side.value] += 1

    def report(self, report: BrokerReport, decider: Decider) -> None:
        for fill in report.fills:
            self._fills[fill.leg.value, fill.side.value] += 1
            self._fees += float(fill.fee)
        for update in report.updates:
            self._updates[update.state.value] += 1

    def note(self, note: DataNote) -> None:
        self._notes += 1

    def ticks(self, ticks: Sequence[Tick], equity: Sequence[float], decider: Decider) -> None:
        self._ticks += len(ticks)
        self._events += sum(len(tick.events) for tick in ticks)
        self._last_ns = ticks[-1].time_ns
        halted = bool(decider.context.all_halts())
        self._halts += halted and not self._was_halted
        self._was_halted = halted
        if self._started is not None:
            seconds, self._started = time.perf_counter() - self._started, None
            self._durations[bisect_left(BUCKETS, seconds)] += 1
            self._seconds += seconds

    def to_json(self) -> dict[str, Any]:
        """Everything as of now."""
        portfolio, context = self._decider.context.portfolio, self._decider.context
        return {
            "outcomes": [[*key, count] for key, count in sorted(self._signals.items())],
            "strategies": sorted([pack_of(s.key), setup_of(s.key)] for s in context.plan.ruleset.strategies),
            "orders": [[*key, count] for key, count in sorted(self._orders.items())],
            "updates": [[state, count] for state, count in sorted(self._updates.items())],
            "fills": [[*key, count] for key, count in sorted(self._fills.items())],
            "active_trades": len(portfolio.held), "open_orders": len(portfolio.pending), "fees": self._fees,
            "equity": _known(portfolio.equity()), "cash": float(portfolio.cash), "realised": float(portfolio.realised),
            "halted": bool(context.all_halts()), "halts": self._halts, "ticks": self._ticks,
            "events": self._events, "data_notes": self._notes, "last_tick": self._last_ns / NANOS,
            "tick_seconds": {"buckets": list(BUCKETS), "counts": list(self._durations), "sum": self._seconds},
            "symbols": [
                {"symbol": symbol, "last": _known(state.last), "mid": _known(state.mid),
                 "tradable": state.instrument.tradable, "tick_size": str(state.instrument.tick_size),
                 "lot_size": str(state.instrument.lot_size)}
                for symbol, state in context.states.items()
            ],
        }  # fmt: skip


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
