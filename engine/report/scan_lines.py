"""A run told as scans of the market: what was found, what was ordered, what it was worth; one line each.

For rules that look at all markets every so often. An opportunity is what a strategy wanted; it is a trade when no guard
held it back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from engine.decide.actions import Decision, Verdict
from engine.decide.tick import DataNote, Decider
from engine.decide.trace import ConditionTrace, Tracer
from engine.market.events import NANOS, Tick
from engine.market.orders import BrokerReport, Order, Side
from engine.report.trace_text import clock
from engine.ruleset.rules import Strategy, TriggerKind

SETTLED_NS = 2 * NANOS  # after the first look of a scan, all markets have been looked at
FIGURES = {"value_edge": "Value edge", "expected_value": "Expected value"}


class Opportunity(NamedTuple):
    """What a strategy wanted. ``figures`` are ratios by title; ``why_not`` is empty for what was ordered."""

    title: str
    figures: Mapping[str, float]
    orders: Sequence[Order]
    why_not: str = ""


def scan_lines(found: Sequence[Opportunity], *, dry: bool) -> Iterator[str]:
    """The lines of one scan after its first."""
    yield f"Found {len(found)} tradable opportunities"
    placed = 0
    for one in found:
        for order in one.orders:
            placed += 1
            yield f"{'[DRY RUN] Would place' if dry else 'Placed'} order: {order_words(order)}"
        if one.orders:
            yield f"  Opportunity: {one.title}"
            for name, share in one.figures.items():
                yield f"  {name}: {share:.1%}"
    held = Counter(one.why_not for one in found if not one.orders)
    for why_not, count in held.most_common():
        yield f"Held back: {count} by {why_not}"
    yield f"Placed {placed} trades in this scan"


def order_words(order: Order) -> dict[str, object]:
    """An order for contracts as the venue's own words: selling what is not held is buying NO."""
    yes = order.side is Side.BUY
    limit = order.limit
    price: object = None
    if limit is not None:
        cents = (limit if yes else 1 - limit) * 100
        price = int(cents) if cents == cents.to_integral_value() else float(cents)
    count = order.quantity
    return {
        "ticker": order.symbol, "side": "yes" if yes else "no", "action": "buy",
        "count": int(count) if count == count.to_integral_value() else float(count), "price": price,
    }  # fmt: skip


class ScanRecorder:
    """A recorder that writes a line for everything that a scan of one pack found.

    ``title_of`` says what a market is called; ``write`` takes a whole line, which begins with the time by the clocks of
    ``timezone``; ``dry``: orders go nowhere. ``close`` ends the last scan.
    """

    def __init__(
        self, pack: str, title_of: Callable[[str], str], write: Callable[[str], None], timezone: str, *, dry: bool
    ) -> None:
        self._pack, self._title_of, self._write, self._dry = pack, title_of, write, dry
        self._timezone = timezone
        self._tracers: dict[str, Tracer] = {}
        self._found: list[Opportunity] = []
        self._scan: int | None = None
        self._open = False
        self._began_ns = self._now_ns = 0

    def decision(self, decision: Decision, decider: Decider) -> None:
        rule = next((r for r in decider.context.plan.ruleset.rules if r.key == decision.rule), None)
        if not isinstance(rule, Strategy) or rule.pack != self._pack or decision.verdict not in _WANTED:
            return
        self._turn(decision.time_ns, rule.trigger.seconds)
        held = decision.verdict is not Verdict.FIRED
        why_not = f"{decision.guard.rpartition('.')[2]}: {decision.reason}" if held else ""
        figures = self._figures(decision, rule, decider)
        self._found.append(Opportunity(self._title_of(decision.symbol), figures, decision.orders, why_not))

    def orders(self, orders: Sequence[Order]) -> None:
        """They are part of the opportunity."""

    def report(self, report: BrokerReport, decider: Decider) -> None:
        """Fills are no part of a scan."""

    def note(self, note: DataNote) -> None:
        """Told by others."""

    def ticks(self, ticks: Sequence[Tick], equity: Sequence[float], decider: Decider) -> None:
        for tick in ticks:
            for strategy in decider.context.plan.ruleset.strategies:
                if strategy.pack == self._pack and strategy.trigger.kind is TriggerKind.EVERY:
                    self._turn(tick.time_ns, strategy.trigger.seconds)
            self._now_ns = tick.time_ns
            if tick.time_ns >= self._began_ns + SETTLED_NS:
                self.close()

    def close(self) -> None:
        """The scan is over: say what it found."""
        if self._open:
            self._open = False
            for line in scan_lines(self._found, dry=self._dry):
                self._line(line)
            self._found = []

    def _turn(self, time_ns: int, seconds: float | None) -> None:
        """A new scan begins with each new interval of the rules."""
        scan = int(time_ns // ((seconds or 1) * NANOS))
        if scan != self._scan:
            self.close()
            self._scan, self._open = scan, True
            self._began_ns = self._now_ns = time_ns
            self._line("Starting market scan...")

    def _line(self, text: str) -> None:
        self._write(f"{clock(self._now_ns, self._timezone)} - INFO - {text}")

    def _figures(self, decision: Decision, rule: Strategy, decider: Decider) -> Mapping[str, float]:
        symbol = decision.trigger_symbol or decision.symbol
        if symbol not in self._tracers:
            self._tracers[symbol] = Tracer(decider.context.plan, symbol, decider.context.states[symbol])
        values = decider.context.states[symbol].v
        trace = self._tracers[symbol].rule(rule, decision.strategy, values, decision.time_ns)
        return {title: share for name, title in FIGURES.items() if (share := _side(trace.why, name)) is not None}


_WANTED = (Verdict.FIRED, Verdict.BLOCKED)


def _side(conditions: Sequence[ConditionTrace], name: str) -> float | None:
    """The value of a name that a condition compares."""
    for condition in conditions:
        if condition.text.split(" ", 1)[0] == name and condition.sides is not None:
            left = condition.sides[0]
            return float(left) if isinstance(left, int | float | Decimal) else None
    return None
