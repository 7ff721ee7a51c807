"""AT305 conflicting-actions: a buy and a sell that one situation makes fire together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.language.diagnostics import Finding
from engine.language.terms import Term
from engine.lint.analysis import Analysis, analysis, reads
from engine.lint.check import Check, LintContext, Page
from engine.lint.formula import leaves
from engine.lint.witness import told, witness
from engine.market.orders import Side
from engine.ruleset.rules import Strategy

_SETTLES = ("positions.in_symbol", "positions.count", "orders.open_in_symbol", "orders.open")


def run(context: LintContext) -> Iterable[Finding]:
    asked = analysis(context)
    for pack in context.ruleset.packs.values():
        sides = {strategy.entry.side for strategy in pack.strategies}
        if len(sides) > 1:
            yield from _in_pack([s for s in pack.strategies if s.enabled and s.universe and s.when], asked)


def _in_pack(strategies: list[Strategy], asked: Analysis) -> Iterator[Finding]:
    """Strategies that read the same series, opposite sides against one another."""
    groups: dict[object, list[Strategy]] = {}
    for strategy in strategies:
        series = frozenset(leaf for part in asked.parts(strategy) for leaf in leaves(asked.fixed.truth(part)))
        target = (strategy.trigger, strategy.entry.symbol, strategy.entry.execution)
        groups.setdefault((series, target) if series else id(strategy), []).append(strategy)
    for group in groups.values():
        for buy in (s for s in group if s.entry.side is Side.BUY):
            for sell in (s for s in group if s.entry.side is Side.SELL):
                if _meet(buy, sell, asked):
                    yield from _together(buy, sell, asked)


def _meet(buy: Strategy, sell: Strategy, asked: Analysis) -> bool:
    """Whether both may enter in one symbol at one moment, with nothing that lets only one of them in."""
    pack = asked.pack(buy)
    if not set(buy.universe) & set(sell.universe):
        return False
    if pack.sessions and not set(map(id, asked.windows(buy))) & set(map(id, asked.windows(sell))):
        return False
    if any("positions_per_symbol" in session.limits or "positions" in session.limits for session in pack.sessions):
        return False
    judged = [term for s in (buy, sell) for guard in asked.entry_guards(s) for term in guard.require]
    return not any(reads(term, name) for term in (*buy.when, *sell.when, *judged) for name in _SETTLES)


def _together(buy: Strategy, sell: Strategy, asked: Analysis) -> Iterator[Finding]:
    parts: tuple[Term, ...] = (*asked.parts(buy), *asked.parts(sell))
    model = witness(asked.fixed, parts)
    if model is not None:
        message = f"`{buy.name}` and `{sell.name}` can fire together, one buying and one selling"
        yield Finding(
            "AT305", "conflicting-actions", message,
            (sell.document.heading("this sells"), buy.document.heading("this buys")),
            help="leave a gap between their thresholds", witness=f"{told(asked.fixed, parts, model)}: both are true",
        )  # fmt: skip


CHECK = Check(
    "AT305",
    "conflicting-actions",
    "a buy and a sell that can fire at the same moment",
    Page(
        avoid="""\
kind: strategy
name: strong
when: rsi(close, 14) > 40
then:
  buy: {size: 10}
---
kind: strategy
name: weak
when: rsi(close, 14) < 60
then:
  sell: {size: 10}
""",
        prefer="""\
kind: strategy
name: strong
when: rsi(close, 14) > 60
then:
  buy: {size: 10}
---
kind: strategy
name: weak
when: rsi(close, 14) < 40
then:
  sell: {size: 10}
""",
        why="""\
Buying and selling the same thing at the same moment pays spread and fees twice for nothing. The witness is a situation
in which both are true.
""",
        exceptions="""\
Only strategies whose conditions read exactly the same series are compared: a trend and a reversal that look at
different things may well disagree. One that counts positions or orders in the symbol, or a guard that does, settles it.
""",
    ),
    run,
)
