"""AT409 stop-wrong-side: a protective stop or target that lies on the wrong side of the price."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.language.diagnostics import Finding, Span
from engine.language.terms import Op, Term, walk
from engine.lint.analysis import analysis
from engine.lint.check import Check, LintContext, Page
from engine.lint.distances import is_distance
from engine.lint.formula import Form, Reading
from engine.lint.solve import TooLarge, satisfy
from engine.lint.witness import usual, value
from engine.lint.wording import shown, words
from engine.ruleset.rules import Entry, Exit

_MARKET = frozenset({"close", "last", "mid", "bid", "ask"})
_FAR = 10**12  # no price, and no distance of prices, is that large


@dataclass(frozen=True, slots=True)
class _Leg:
    """One price of a bracket. ``sign``: 1 where it must be above the price of the entry, -1 where below."""

    what: str
    price: Term
    sign: int


def run(context: LintContext) -> Iterable[Finding]:
    reading = analysis(context).ranged
    for strategy in context.ruleset.strategies:
        entries = [strategy.entry, *(o.entry for o in strategy.overrides.values() if o.entry is not None)]
        for entry in entries:
            for leg in _legs(entry):
                if is_distance(leg.price):
                    yield _distance_for_price(leg.price, f"the {leg.what} of this {entry.side.value}")
                    continue
                reference = next((r for r in _references(entry, leg) if _wrong(leg, r, reading)), None)
                if reference is not None:
                    yield _finding(entry, leg, reference, reading)
    for rule in context.ruleset.rules:
        if isinstance(rule, Exit) and rule.action.stop is not None and is_distance(rule.action.stop):
            yield _distance_for_price(rule.action.stop, "the stop that this exit moves")


def _distance_for_price(price: Term, which: str) -> Finding:
    return Finding(
        "AT409", "stop-wrong-side", f"{which} is a distance of prices, and no price", (price.span("a distance"),),
        help="take it from a price or add it to one, as in `close - 2 * atr(14)`",
    )  # fmt: skip


def _legs(entry: Entry) -> Iterator[_Leg]:
    if entry.bracket_stop is not None:
        yield _Leg("stop", entry.bracket_stop, -entry.side.sign)
    if entry.bracket_target is not None:
        yield _Leg("target", entry.bracket_target, entry.side.sign)


def _references(entry: Entry, leg: _Leg) -> Iterator[Term]:
    """The price at which the entry fills at best: its own, or the market's as far as the leg speaks of it."""
    own = entry.stop or entry.limit
    if own is not None:
        yield own
        return
    yield from (term for term in walk(leg.price) if term.op is Op.FACT and term.name in _MARKET)


def _distance(leg: _Leg, reference: Term, reading: Reading) -> Form:
    """How far the leg is on its right side."""
    difference = reading.form(leg.price).plus(reading.form(reference), -1)
    return difference if leg.sign > 0 else difference.reversed()


def _wrong(leg: _Leg, reference: Term, reading: Reading) -> bool:
    """Whether no values put the leg on its right side."""
    if _plainly_right(leg, reference, reading):
        return False
    distance = _distance(leg, reference, reading)
    if not distance.coefficients:
        # A distance of no more than a parameter's default of zero is one that is switched off.
        return distance.constant < 0 or (distance.constant == 0 and not distance.folded)
    try:
        return satisfy(reading, [distance.reversed().below(strict=True)]) is None
    except TooLarge:
        return False


def _plainly_right(leg: _Leg, reference: Term, reading: Reading) -> bool:
    """A quick look at the usual form: the price itself, more or less a distance."""
    price = leg.price
    if price.op not in (Op.ADD, Op.SUBTRACT) or price.args[0].op is not Op.FACT or price.args[0].name != reference.name:
        return False
    side = leg.sign if price.op is Op.ADD else -leg.sign
    low, high = reading.intervals.of(price.args[1])
    return high > 0 if side > 0 else low < 0


def _finding(entry: Entry, leg: _Leg, reference: Term, reading: Reading) -> Finding:
    side, right = entry.side.value, "above" if leg.sign > 0 else "below"
    own = reference is entry.stop or reference is entry.limit
    price = "price of the order" if own else "price"
    spans: tuple[Span, ...] = (leg.price.span(f"never {right} it"),)
    if own:
        spans = (*spans, reference.span("the price of the order"))
    return Finding(
        "AT409", "stop-wrong-side", f"the {leg.what} of this {side} is never {right} the {price}", spans,
        help=f"a {leg.what} of a {side} lies {right} the price", witness=_witness(leg, reference, reading, own),
    )  # fmt: skip


def _witness(leg: _Leg, reference: Term, reading: Reading, own: bool) -> str:
    """Ordinary values, and where they put the leg."""
    wrong = _distance(leg, reference, reading).below(strict=False)
    # What cancels out in the distance has a value all the same: a bound that says nothing brings it in.
    read = dict.fromkeys([*reading.form(reference).coefficients, *reading.form(leg.price).coefficients])
    bounds = [Form({series: 1}, -_FAR).below(strict=False) for series in read]
    try:
        model = satisfy(reading, [wrong, *bounds], lambda leaf: usual(reading, leaf))
    except TooLarge:
        return ""
    if model is None:
        return ""
    at, price = value(reading, leg.price, model), value(reading, reference, model)
    if at != at or price != price:
        return ""
    series = [
        f"{words(term)} = {shown(value(reading, term, model), term.type.kind)}"
        for term in map(reading.term, read)
        if term.op is not Op.PARAMETER and (term.op is Op.FACT or reading.number(term) != reading.number(leg.price))
    ]
    at_values = f"at {', '.join(series)} " if series else ""
    order = f"the order is at {shown(price, reference.type.kind)} and " if own else ""
    return f"{at_values}{order}the {leg.what} {'' if own else 'is '}at {shown(at, leg.price.type.kind)}"


CHECK = Check(
    "AT409",
    "stop-wrong-side",
    "a stop or target on the wrong side of the price",
    Page(
        avoid="""\
kind: strategy
name: momentum
when: close crosses above open
then:
  buy: {size: 10, bracket: {stop: close + 1.5 * atr(14)}}
""",
        prefer="""\
kind: strategy
name: momentum
when: close crosses above open
then:
  buy: {size: 10, bracket: {stop: close - 1.5 * atr(14)}}
""",
        why="""\
A stop above the price of something bought sells it at once. The engine refuses such an order; here it is seen before.
A distance in place of a price, such as `stop: 2 * atr(14)`, is worse: it is an order at a few dollars, which the engine
takes, and which protects nobody.
""",
        exceptions="""\
Only what is on the wrong side for all prices, and for every value that its parameters may have, is flagged. An order
with a limit or a stop price is measured against that price, any other against the market.
""",
    ),
    run,
)
