"""Says when nobody can tell whether a position should be closed: an exit that is unknown and holds, as rules do by
default (``unknown: hold``), protects nobody, and a person should look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from engine.decide.actions import Decision
from engine.decide.portfolio import Held
from engine.decide.tick import DataNote, Decider
from engine.market.events import Tick
from engine.market.orders import BrokerReport, Order
from engine.ruleset.rules import Exit, UnknownPolicy


class UnsureExits:
    """A recorder for ``engine.execute.loop``. ``tell`` takes words: once for each exit of a position, however often it
    is unknown."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told: set[tuple[str, str, str, int]] = set()  # exit, strategy, symbol, when it was opened

    def decision(self, decision: Decision, decider: Decider) -> None: ...

    def orders(self, orders: Sequence[Order]) -> None: ...

    def report(self, report: BrokerReport, decider: Decider) -> None: ...

    def note(self, note: DataNote) -> None: ...

    def ticks(self, ticks: Sequence[Tick], equity: Sequence[float], decider: Decider) -> None:
        for held in decider.context.portfolio.held.values():
            if not held.exiting:
                self._look(held, decider)

    def _look(self, held: Held, decider: Decider) -> None:
        position = held.position
        for rule in decider.context.plan.exits.get(position.strategy, ()):
            key = (rule.key, position.strategy, position.symbol, position.opened_ns)
            if key in self._told or rule.unknown is UnknownPolicy.CLOSE or (rule.once and rule.key in held.fired):
                continue
            unknown = list(_unknown(rule, held, decider))
            if unknown:
                self._told.add(key)
                self._tell(
                    f"{position.symbol} of {position.strategy} is held although {rule.key} cannot tell: "
                    f"unknown is {', '.join(unknown)}; `unknown: close` would close it"
                )


def _unknown(rule: Exit, held: Held, decider: Decider) -> Iterator[str]:
    """The conditions of an exit that are unknown; none where another is false, or where it was not judged yet."""
    context, position = decider.context, held.position
    slots = context.exit_slots.get((rule.key, position.strategy, position.symbol), ())
    values = [context.states[position.symbol].v[slot] for slot in slots]
    if 0.0 not in values:
        yield from (term.text for term, value in zip(rule.when, values, strict=False) if value != value)
