"""Every message of the checker, in one place. A message says what is wrong; its help says the mend."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.catalogue import Function, Parameter
from engine.language.diagnostics import Edit, Finding, Span, did_you_mean, surely_meant
from engine.language.terms import Term
from engine.language.types import Kind
from engine.language.units import conversion_hint

CUT = "inside [ ] and { } a comma ends it: put the whole expression in quotes, or on a line of its own"


def syntax(message: str, span: Span, help: str, replacement: str = "") -> Finding:
    edits = (Edit(span, replacement),) if replacement else ()
    return Finding("AT006", "expression-syntax", message, (span,), help=help, edits=edits)


def unknown_name(path: str, span: Span, known: Iterable[str], what: str = "name") -> Finding:
    names = list(known)
    close, sure = did_you_mean(path, names), surely_meant(path, names)
    help = f"did you mean {close}?" if close else "`engine facts` and `engine functions` list what there is"
    edits = (Edit(span, sure),) if sure else ()
    return Finding("AT101", "unknown-name", f"there is no {what} `{path}`", (span,), help=help, edits=edits)


def wrong_place(path: str, span: Span, why: str) -> Finding:
    return Finding("AT101", "unknown-name", f"`{path}` is not available here", (span,), help=why)


def cycle(names: list[str], span: Span) -> Finding:
    path = " → ".join(names)
    return Finding(
        "AT104", "dependency-cycle", f"these definitions need one another: {path}", (span,),
        help="break the circle: one of them must not use the next",
    )  # fmt: skip


def units(operator: str, left: Term, right: Term) -> Finding:
    return Finding(
        "AT201", "unit-mismatch",
        f"`{operator}` between {left.type.kind} and {right.type.kind} makes no sense",
        (left.span(f"this is {_a(left.type.kind)}"), right.span(f"this is {_a(right.type.kind)}")),
        help=conversion_hint(left.type, right.type),
    )  # fmt: skip


def wanted_kind(term: Term, wanted: Iterable[Kind], where: str) -> Finding:
    kinds = list(wanted)
    names = " or ".join(k.value for k in kinds)
    if Kind.BOOL in kinds or term.type.kind in (Kind.BOOL, Kind.TEXT) or Kind.TEXT in kinds:
        code, name = "AT202", "type-mismatch"
    else:
        code, name = "AT201", "unit-mismatch"
    help = "compare it with something: `> 0`, `== ...`" if kinds == [Kind.BOOL] else f"{where} takes {names}"
    return Finding(
        code, name, f"{where} wants {names}, this is {_a(term.type.kind)}",
        (term.span(f"this is {_a(term.type.kind)}"),), help=help,
    )  # fmt: skip


def share_for_price(term: Term, where: str) -> Finding:
    share = term.text
    return Finding(
        "AT201", "unit-mismatch", f"{where} wants a price, this is a ratio", (term.span("this is a ratio"),),
        help=f"say of which price it is a share: `close - {share}` or `close + {share}`; "
        "the price of a contract is written 62c or 0.62",
    )  # fmt: skip


def wrong_argument(term: Term, function: Function, parameter: Parameter) -> Finding:
    names = " or ".join(k.value for k in parameter.kinds)
    return Finding(
        "AT202", "type-mismatch",
        f"`{parameter.name}` of {function.name} takes {names}, this is {_a(term.type.kind)}",
        (term.span(f"this is {_a(term.type.kind)}"),), help=f"signature: {function.signature}",
    )  # fmt: skip


def different_kinds(terms: list[Term], function: Function) -> Finding:
    return Finding(
        "AT201", "unit-mismatch", f"these arguments of {function.name} must be of one kind",
        tuple(t.span(f"this is {_a(t.type.kind)}") for t in terms), help=f"signature: {function.signature}",
    )  # fmt: skip


def argument_count(function: str, span: Span, signature: str, problem: str) -> Finding:
    return Finding("AT202", "type-mismatch", f"{function}: {problem}", (span,), help=f"signature: {signature}")


def not_constant(term: Term, what: str) -> Finding:
    return Finding(
        "AT204", "series-where-constant", f"{what} must be constant, this changes from tick to tick",
        (term.span("this is a series"),), help="use a number or a parameter",
    )  # fmt: skip


def look_ahead(term_span: Span) -> Finding:
    return Finding(
        "AT402", "lookahead", "a negative offset would read the future", (term_span,),
        help="`x[1]` is the previous bar, `x[0]` the one that has just closed",
    )  # fmt: skip


def settlement(path: str, span: Span) -> Finding:
    return Finding(
        "AT402", "lookahead", f"`{path}` is known only once the market has settled", (span,),
        help="only gates may read it",
    )  # fmt: skip


def out_of_range(value: float, span: Span, low: float | None, high: float | None, what: str) -> Finding:
    limits = f"at least {low:g}" if high is None else f"between {low:g} and {high:g}" if low is not None else (
        f"at most {high:g}"
    )
    return Finding("AT203", "impossible-range", f"{what} is {value:g}, it must be {limits}", (span,))


def not_whole(value: float, span: Span, what: str) -> Finding:
    return Finding("AT203", "impossible-range", f"{what} is {value:g}, it must be a whole number", (span,))


def naive_time(term: Term) -> Finding:
    return Finding(
        "AT206", "naive-time", "this time of day has no zone", (term.span(),),
        help="name one: `timezone: America/New_York` in pack.yaml or in the session",
    )  # fmt: skip


def unknown_literal(span: Span) -> Finding:
    return Finding(
        "AT205", "unhandled-missing", "nothing equals unknown, not even itself", (span,),
        help="use `known(x)` to ask, or `or_else(x, y)` to give a value",
    )  # fmt: skip


def _a(kind: Kind) -> str:
    return f"an {kind}" if kind.value[0] in "aeiou" else f"a {kind}"
