"""AT403 unbounded-size: nothing limits how large an order can become, or it grows with the loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.language.diagnostics import Finding
from engine.language.terms import COMPARISONS, Op, Term, walk
from engine.language.types import Varies
from engine.lint.analysis import Analysis, analysis, reads
from engine.lint.check import Check, LintContext, Page
from engine.lint.formula import Reading
from engine.lint.intervals import Intervals
from engine.ruleset.rules import Entry, GuardEffect, Pack, Strategy

# What comes near zero in a quiet market, on its own or as a part.
_TINY = frozenset({
    "atr", "true_range", "stdev", "change", "slope", "macd", "macd_signal", "macd_histogram", "zscore", "correlation",
})  # fmt: skip
_TINY_FACTS = frozenset({"spread", "spread_ratio", "position.gain", "position.gain_ratio"})
_PASSES_ON = frozenset({"abs", "sma", "ema", "rma", "wma", "highest", "lowest", "percentile", "round_to_tick", "sqrt"})
_BY_RISK = frozenset({"risk_size", "fixed_fractional"})  # rise with the first argument, fall with the second
_WHOLE = frozenset({"floor", "round", "ceil"})
_RESULTS = frozenset({
    "pnl.today", "pnl.realized_today", "pnl.total", "position.gain", "position.gain_ratio", "position.profit",
})  # fmt: skip


def run(context: LintContext) -> Iterable[Finding]:
    asked = analysis(context)
    for pack in context.ruleset.packs.values():
        limits = (pack.max_quantity, pack.max_notional, pack.budget)
        limited = any(limit is not None for limit in limits) or not _read(pack)
        for strategy in pack.strategies:
            for size in {id(e.size): e.size for e in _entries(strategy)}.values():
                loss = _growing(size, asked.ranged.intervals)
                if loss is not None:
                    yield Finding(
                        "AT403", "unbounded-size", f"the size of `{strategy.name}` grows with the loss",
                        (size.span("grows"), loss.span("as this shows losses")),
                        help="let the size depend on the risk alone",
                    )  # fmt: skip
                divisor = None if limited or loss is not None else _explodes(size, asked.ranged)
                if divisor is not None and asked.complete and not _capped(strategy, asked):
                    yield Finding(
                        "AT403", "unbounded-size", f"nothing limits the size of `{strategy.name}`",
                        (size.span("can become any number"), divisor.span("when this is tiny")),
                        help="wrap it: `min(…, 1000)`; or add `limits: {notional: $10000}` to pack.yaml, or a cap",
                    )  # fmt: skip


def _read(pack: Pack) -> bool:
    """Without a pack.yaml that could be read, its limits are not known."""
    return pack.document is not None and pack.document.sound


def _entries(strategy: Strategy) -> list[Entry]:
    return [strategy.entry, *(o.entry for o in strategy.overrides.values() if o.entry is not None)]


def _capped(strategy: Strategy, asked: Analysis) -> bool:
    """Whether a guard cuts an order down, or looks at how large it is."""
    return any(
        guard.action.effect is GuardEffect.CAP
        or any(reads(term, name) for term in guard.require for name in ("order.quantity", "order.notional"))
        for guard in asked.entry_guards(strategy)
    )


def _explodes(size: Term, reading: Reading) -> Term | None:
    """The divisor that can be tiny enough to make a size any number; None when there is none."""
    op, args = size.op, size.args
    if op is Op.FUNCTION and size.name == "min":
        found = [_explodes(argument, reading) for argument in args]
        return found[0] if all(f is not None for f in found) else None
    if op is Op.FUNCTION and size.name == "clamp":
        return _explodes(args[2], reading)
    if op is Op.FUNCTION and size.name in _BY_RISK:
        return args[1] if _tiny(args[1], reading) else _explodes(args[0], reading)
    if op is Op.DIVIDE:
        return args[1] if _tiny(args[1], reading) else _explodes(args[0], reading)
    if op is Op.IF:
        args = args[1:]
    elif op not in (Op.ADD, Op.SUBTRACT, Op.MULTIPLY, Op.OR_ELSE, Op.FUNCTION):
        return None
    if op is Op.FUNCTION and size.name not in _WHOLE and size.name != "max":
        return None
    found = [_explodes(argument, reading) for argument in args]
    return next((f for f in found if f is not None), None)


def _tiny(divisor: Term, reading: Reading) -> bool:
    """Whether a divisor comes near zero on ordinary data; prices, counts and constants do not."""
    op, args = divisor.op, divisor.args
    match op:
        case Op.FACT:
            return divisor.name in _TINY_FACTS
        case Op.SUBTRACT:
            left = reading.form(divisor).coefficients
            if len(left) == 1:  # a share of one series, such as close - 90% * close
                return _tiny(reading.term(next(iter(left))), reading)
            return all(argument.type.varies is Varies.SERIES for argument in args)
        case Op.ADD:
            return all(_tiny(argument, reading) for argument in args)
        case Op.MULTIPLY | Op.OR_ELSE:
            return any(_tiny(argument, reading) for argument in args)
        case Op.DIVIDE | Op.DELAY | Op.AT_ENTRY | Op.NEGATE:
            return _tiny(args[0], reading)
        case Op.IF:
            return any(_tiny(argument, reading) for argument in args[1:])
        case Op.FUNCTION if divisor.name in ("max", "min"):
            return (all if divisor.name == "max" else any)(_tiny(argument, reading) for argument in args)
        case Op.FUNCTION if divisor.name in _PASSES_ON:
            return _tiny(args[0], reading)
        case Op.FUNCTION:
            return divisor.name in _TINY
    return False


def _growing(size: Term, intervals: Intervals) -> Term | None:
    """A result that makes a size larger as it falls; None when none does for sure."""
    for below in walk(size):
        if below.op is Op.FACT and below.name in _RESULTS and _direction(size, below.name, intervals) < 0:
            return below
        if below.op is Op.FACT and below.name == "pnl.drawdown" and _direction(size, below.name, intervals) > 0:
            return below
    return None


def _direction(term: Term, name: str, intervals: Intervals) -> int:
    """1 when ``term`` rises with a fact, -1 when it falls, 0 when neither is sure."""
    op, args = term.op, term.args
    if op is Op.FACT:
        return 1 if term.name == name else 0
    signs = [_direction(argument, name, intervals) for argument in args]
    if op is Op.NEGATE:
        return -signs[0]
    if op is Op.SUBTRACT:
        return _agreed([signs[0], -signs[1]], args, name)
    if op is Op.ADD or (op is Op.FUNCTION and term.name in ("min", "max", "clamp", *_WHOLE)):
        return _agreed(signs, args, name)
    if op is Op.FUNCTION and term.name in _BY_RISK:
        return _agreed([signs[0], -signs[1], *signs[2:]], args, name)
    if op in (Op.MULTIPLY, Op.DIVIDE):
        for sign, argument, other in ((signs[0], args[0], args[1]), (signs[1], args[1], args[0])):
            if not reads(other, name) and reads(argument, name) and (op is Op.MULTIPLY or argument is args[0]):
                return sign * _sign(other, intervals)
    if op is Op.IF and args[0].op in COMPARISONS and not any(reads(a, name) for a in args[1:]):
        return _branches(args, name, intervals)
    return 0


def _agreed(signs: Sequence[int], args: Sequence[Term], name: str) -> int:
    """The common direction of all parts that read the fact."""
    found = {sign for sign, argument in zip(signs, args, strict=True) if reads(argument, name)}
    return found.pop() if len(found) == 1 else 0


def _sign(term: Term, intervals: Intervals) -> int:
    """The sign of a number that never changes it; 0 when it is not known."""
    low, high = intervals.of(term)
    return int(low >= 0 < high) - int(low < 0 >= high)


def _branches(args: Sequence[Term], name: str, intervals: Intervals) -> int:
    """Of `if result < limit then more else less`: whether more is chosen where the fact is low."""
    condition, yes, no = args
    left, right = condition.args
    rises = {Op.GREATER: 1, Op.GREATER_EQUAL: 1, Op.LESS: -1, Op.LESS_EQUAL: -1}.get(condition.op, 0)
    side = _agreed([_direction(left, name, intervals), -_direction(right, name, intervals)], (left, right), name)
    more, less = intervals.of(yes), intervals.of(no)
    return side * rises * (int(more.low > less.high) - int(more.high < less.low))


CHECK = Check(
    "AT403",
    "unbounded-size",
    "an order whose size has no upper bound, or grows with the loss",
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
pack.yaml, in a guard or in the size itself is enough. A size that grows while money is lost doubles up until there is
none left; no cap makes that a plan.
""",
        exceptions="""\
Money or equity divided by a price is bounded by the money. A divisor with a floor, `max(atr(14), $0.05)`, is fine.
Files without a pack.yaml are not judged, because the pack may have limits.
""",
    ),
    run,
)
