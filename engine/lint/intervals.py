"""Which values a term can have: bounds from units, from what functions can return, and from declared ranges."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from engine.language.terms import Op, Term
from engine.language.types import Kind
from engine.market.facts import FactSpec, Scope
from engine.ruleset.rules import Parameter, Ruleset

SECONDS_IN_DAY = 86400.0


class Interval(NamedTuple):
    """All numbers from ``low`` to ``high``, both included; infinite where nothing is known."""

    low: float
    high: float


ALL = Interval(-math.inf, math.inf)
NOT_NEGATIVE = Interval(0.0, math.inf)
UNIT = Interval(0.0, 1.0)
PERCENT = Interval(0.0, 100.0)

_FUNCTIONS = {
    "rsi": PERCENT, "adx": PERCENT, "correlation": Interval(-1.0, 1.0), "kelly": UNIT,
    "blend": UNIT,
    **dict.fromkeys(
        ("stdev", "atr", "true_range", "sqrt", "exp", "bars_since", "bar_index", "rvol", "notional", "fee",
         "risk_size", "fixed_fractional", "minutes_since_open", "minutes_to_close", "vwap", "session_high",
         "session_low", "opening_range_high", "opening_range_low"),
        NOT_NEGATIVE,
    ),
}  # fmt: skip
# The result lies among the values of this argument.
_AMONG = {
    **dict.fromkeys(("sma", "wma", "ema", "rma", "highest", "lowest", "percentile"), 0),
    "value_when": 1,
}
_SIGNED_PRICES = frozenset({"spread", "position.gain"})
_SHARES = frozenset({
    "stats.win_rate", "stats.break_even_win_rate", "stats.cost_coverage", "stats.largest_ticker_share",
    "stats.largest_event_share",
})  # fmt: skip
_NOT_NEGATIVE = frozenset({
    "session.minutes", "session.minutes_left", "position.bars", "pnl.drawdown", "stats.trades", "stats.events",
    "stats.days", "stats.effective_events", "stats.trials", "stats.profit_factor", "stats.max_drawdown",
    "order.notional", "venue.fee_minimum", "venue.fee_rate",
})  # fmt: skip


class Intervals:
    """Bounds of the terms of one ruleset.

    ``at_defaults``: parameters have their default. Otherwise a parameter has every value that the files let it have,
    from its bounds, what is searched, overrides and sessions; one without any of these has its default.
    """

    def __init__(self, ruleset: Ruleset, at_defaults: bool = False) -> None:
        self._ruleset, self._at_defaults = ruleset, at_defaults
        self._other_values = {} if at_defaults else _other_values(ruleset)
        self._known: dict[int, Interval] = {}

    def parameter(self, key: str) -> Interval | None:
        """The values of a parameter that moves; None for one that stays at its default."""
        parameter = self._ruleset.parameters[key]
        if self._at_defaults:
            return None
        if parameter.kind is Kind.BOOL:
            return UNIT
        others = self._other_values.get(key, [])
        if parameter.low is None and parameter.high is None and not parameter.search and not others:
            return None
        return _declared(parameter, [parameter.value, *parameter.search, *others])

    def default(self, key: str) -> float:
        return self._ruleset.parameters[key].value

    def of(self, term: Term) -> Interval:
        """Bounds of the values that ``term`` can have when it is known."""
        found = self._known.get(id(term))
        if found is None:
            found = self._known[id(term)] = self._new(term)
        return found

    def _new(self, term: Term) -> Interval:
        if term.type.kind is Kind.BOOL:
            return UNIT
        match term.op:
            case Op.CONSTANT:
                return Interval(term.value, term.value) if isinstance(term.value, float) else ALL
            case Op.PARAMETER:
                default = self.default(term.name)
                return self.parameter(term.name) or Interval(default, default)
            case Op.FACT:
                return _fact(self._ruleset.facts[term.name])
            case Op.AGE:
                return NOT_NEGATIVE
            case Op.DELAY | Op.AT_ENTRY:
                return self.of(term.args[0])
            case Op.IF:
                return hull(self.of(term.args[1]), self.of(term.args[2]))
            case Op.OR_ELSE:
                return hull(self.of(term.args[0]), self.of(term.args[1]))
            case Op.FUNCTION:
                return self._function(term)
            case _:
                arithmetic = _ARITHMETIC.get(term.op)
                return arithmetic(*(self.of(argument) for argument in term.args)) if arithmetic else ALL

    def _function(self, term: Term) -> Interval:
        name, args = term.name, term.args
        if name in _FUNCTIONS:
            return _FUNCTIONS[name]
        if name in _AMONG:
            return self.of(args[_AMONG[name]])
        if name in _MONOTONE:
            return _MONOTONE[name](*(self.of(argument) for argument in args))
        if name == "change":
            return subtract(self.of(args[0]), self.of(args[0]))
        if name == "zscore":
            # Of n values the one furthest out is at most sqrt(n - 1) standard deviations from their mean.
            furthest = math.sqrt(max(self.of(args[1]).high - 1.0, 0.0))
            return Interval(-furthest, furthest)
        return ALL


def _other_values(ruleset: Ruleset) -> dict[str, list[float]]:
    """Values that overrides and sessions give to parameters, by key."""
    found: dict[str, list[float]] = {}
    for pack in ruleset.packs.values():
        settings = [s.settings for s in pack.sessions]
        settings += [o.parameters for rule in pack.strategies for o in rule.overrides.values()]
        settings += [o.parameters for rule in pack.exits for o in rule.overrides.values()]
        for values in settings:
            for key, value in values.items():
                found.setdefault(key, []).append(value)
    return found


def _declared(parameter: Parameter, points: list[float]) -> Interval:
    low, high = parameter.low, parameter.high
    if low is None:
        low = min(points) if high is None else -math.inf
    if high is None:
        high = max(points) if parameter.low is None else math.inf
    return Interval(min(low, *points), max(high, *points))


def _fact(spec: FactSpec) -> Interval:
    name, kind = spec.name, spec.kind
    if kind == Kind.PROBABILITY or name in _SHARES:
        return UNIT
    if spec.scope is Scope.SIGNAL:
        return ALL  # a signal may be a net figure
    if kind == Kind.PRICE:
        return ALL if name in _SIGNED_PRICES else NOT_NEGATIVE
    if kind in (Kind.QUANTITY, Kind.DURATION) or name in _NOT_NEGATIVE:
        return NOT_NEGATIVE
    if kind == Kind.NUMBER and spec.scope is Scope.PORTFOLIO:
        return NOT_NEGATIVE  # counts
    return Interval(0.0, SECONDS_IN_DAY) if kind == Kind.CLOCK else ALL


def hull(one: Interval, other: Interval) -> Interval:
    return Interval(min(one.low, other.low), max(one.high, other.high))


def add(one: Interval, other: Interval) -> Interval:
    return Interval(one.low + other.low, one.high + other.high)


def negate(one: Interval) -> Interval:
    return Interval(-one.high, -one.low)


def subtract(one: Interval, other: Interval) -> Interval:
    return add(one, negate(other))


def multiply(one: Interval, other: Interval) -> Interval:
    return _spanned(_product(x, y) for x in one for y in other)


def divide(one: Interval, other: Interval) -> Interval:
    if other.low < 0.0 < other.high or other.low == other.high == 0.0:
        return ALL
    # Division by zero is unknown, so at a bound of zero only what comes near it counts.
    low = math.inf if other.low == 0.0 else 1.0 / other.low
    high = -math.inf if other.high == 0.0 else 1.0 / other.high
    return multiply(one, Interval(min(low, high), max(low, high)))


def power(base: Interval, exponent: Interval) -> Interval:
    return NOT_NEGATIVE if base.low >= 0.0 else ALL


def _product(x: float, y: float) -> float:
    return 0.0 if x == 0.0 or y == 0.0 else x * y


def _spanned(values: Iterable[float]) -> Interval:
    found = list(values)
    return Interval(min(found), max(found))


def _absolute(x: Interval) -> Interval:
    low = 0.0 if x.low <= 0.0 <= x.high else min(abs(x.low), abs(x.high))
    return Interval(low, max(abs(x.low), abs(x.high)))


def _smaller(x: Interval, y: Interval) -> Interval:
    return Interval(min(x.low, y.low), min(x.high, y.high))


def _larger(x: Interval, y: Interval) -> Interval:
    return Interval(max(x.low, y.low), max(x.high, y.high))


def _clamped(x: Interval, low: Interval, high: Interval) -> Interval:
    return _smaller(_larger(x, low), high)


def _whole(x: Interval) -> Interval:
    low = math.floor(x.low) if math.isfinite(x.low) else x.low
    high = math.ceil(x.high) if math.isfinite(x.high) else x.high
    return Interval(float(low), float(high))


_ARITHMETIC: dict[Op, Callable[..., Interval]] = {
    Op.ADD: add, Op.SUBTRACT: subtract, Op.MULTIPLY: multiply, Op.DIVIDE: divide, Op.NEGATE: negate, Op.POWER: power,
}  # fmt: skip
_MONOTONE: dict[str, Callable[..., Interval]] = {
    "abs": _absolute, "min": _smaller, "max": _larger, "clamp": _clamped, "round": _whole, "floor": _whole,
    "ceil": _whole,
}  # fmt: skip
