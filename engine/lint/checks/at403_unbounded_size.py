"""AT403 unbounded-size: nothing limits how large an order can become."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding
from engine.language.terms import Op, Term
from engine.language.types import Varies
from engine.lint.check import Check, LintContext, Page
from engine.ruleset.rules import GuardEffect, Pack, Strategy


def run(context: LintContext) -> Iterable[Finding]:
    for pack in context.ruleset.packs.values():
        if pack.max_quantity is not None or pack.max_notional is not None or not _read(pack):
            continue
        for strategy in pack.strategies:
            if not _bounded(strategy.entry.size) and not _capped(strategy, context):
                size = strategy.entry.size
                yield Finding(
                    "AT403", "unbounded-size", f"nothing limits the size of `{strategy.name}`",
                    (size.span("can become any number"),),
                    help="wrap it: `min(…, 1000)`; or add `limits: {notional: $10000}` to pack.yaml, or a cap",
                )  # fmt: skip


def _read(pack: Pack) -> bool:
    """Without a pack.yaml that could be read, its limits are not known."""
    return pack.document is not None and pack.document.sound


def _bounded(term: Term) -> bool:
    """Whether a size has an upper bound that the file shows."""
    if term.type.varies is not Varies.SERIES:
        return True
    if term.op is Op.FUNCTION and term.name == "min":
        return any(_bounded(a) for a in term.args)
    if term.op is Op.FUNCTION and term.name == "clamp":
        return _bounded(term.args[2])
    if term.op is Op.FUNCTION and term.name in ("floor", "round", "ceil"):
        return _bounded(term.args[0])
    if term.op is Op.IF:
        return all(_bounded(a) for a in term.args[1:])
    return False


def _capped(strategy: Strategy, context: LintContext) -> bool:
    guards = (g for pack in context.ruleset.packs.values() for g in pack.guards)
    return any(
        g.action.effect is GuardEffect.CAP and (not g.strategies or strategy.key in g.strategies) for g in guards
    )


CHECK = Check(
    "AT403",
    "unbounded-size",
    "an order whose size has no upper bound",
    Page(
        avoid="""\
kind: strategy
name: momentum
when: close crosses above open
then:
  buy: {size: "risk_size($50, stop_distance = atr(14))", bracket: {stop: close - atr(14)}}
""",
        prefer="""\
kind: strategy
name: momentum
when: close crosses above open
then:
  buy: {size: "min(risk_size($50, stop_distance = atr(14)), 500)", bracket: {stop: close - atr(14)}}
""",
        why="""\
A size that divides by a distance explodes when the distance is tiny: a quiet minute, a stale feed. One cap in
pack.yaml, in a guard or in the size itself is enough.
""",
        exceptions="""\
Files without a pack.yaml are not judged, because the pack may have limits.
""",
    ),
    run,
)
