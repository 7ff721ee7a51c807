"""AT306 flapping: an exit whose threshold touches the entry's, so that a position closes as soon as it opens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.language.diagnostics import Finding
from engine.language.terms import Op
from engine.lint.bounds import Box, Interval, shown
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import Same
from engine.ruleset.rules import Exit, Strategy


def run(context: LintContext) -> Iterable[Finding]:
    same = Same()
    for pack in context.ruleset.packs.values():
        entries = {s.key: (s, Box.of(s.when, same)) for s in pack.strategies}
        for rule in pack.exits:
            box = Box.of(rule.when, same)
            if rule.action.close_all and box.complete and len(box.bounds) == 1 and not box.clash:
                for key in rule.strategies:
                    if key in entries:
                        yield from _touching(*entries[key], rule, box)


def _touching(strategy: Strategy, entry: Box, rule: Exit, leaving: Box) -> Iterator[Finding]:
    ((series, out),) = leaving.bounds.items()
    side = leaving.sides[series]
    into = entry.bounds.get(series)
    if into is None or entry.clash or (side.op is Op.FACT and side.name.startswith("position.")):
        return
    edge = _edge(into, out)
    if edge is not None:
        yield Finding(
            "AT306", "flapping",
            f"`{rule.name}` can close what `{strategy.name}` has just opened: their thresholds touch",
            (leaving.said[series][0].span("closes here"), entry.said[series][0].span("opens here")),
            help="leave a gap between the threshold that opens and the one that closes", witness=shown(side, edge),
        )  # fmt: skip


def _edge(into: Interval, out: Interval) -> float | None:
    """A value where both meet, or where one ends and the other begins."""
    both = into.meet(out)
    if not both.empty:
        return both.some_value()
    gap = both.low - both.high
    return both.low if gap <= abs(both.low) * 1e-12 + 1e-300 else None


CHECK = Check(
    "AT306",
    "flapping",
    "an exit whose threshold touches that of the entry",
    Page(
        avoid="""\
kind: strategy
name: dip
when: rsi(close, 14) < 30
then:
  buy: {size: 10}
---
kind: exit
name: recovered
when: rsi(close, 14) >= 30
then: {close: all}
""",
        prefer="""\
kind: strategy
name: dip
when: rsi(close, 14) < 30
then:
  buy: {size: 10}
---
kind: exit
name: recovered
when: rsi(close, 14) >= 45
then: {close: all}
""",
        why="""\
A series that hovers at a threshold crosses it again and again. Where the entry ends and the exit begins at the same
value, every crossing opens or closes a position and pays for it.
""",
        exceptions="""\
Only exits with one condition on one series are looked at, and never those on `position.*`.
""",
    ),
    run,
)
