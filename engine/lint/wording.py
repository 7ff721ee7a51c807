"""Series and values in the words of an author."""

from __future__ import annotations

from fractions import Fraction

from engine.language.terms import Op, Term
from engine.language.types import Kind

_SESSION_EXTREMES = frozenset({"session_high", "session_low"})


def words(term: Term) -> str:
    """A term as the author wrote it; what nobody wrote by its name."""
    if term.op is Op.FACT:
        return term.name
    if term.op is Op.FUNCTION and term.name in _SESSION_EXTREMES:
        return f"{term.name}()"
    if term.op is Op.DELAY and isinstance(term.args[1].value, float):
        return f"{words(term.args[0])}[{term.args[1].value:g}]"
    return term.text


def shown(given: int | float | Fraction | str, kind: Kind) -> str:
    """A value as an author would write it."""
    if isinstance(given, str):
        return f'"{given}"'
    number = float(given)
    sign, size = ("-" if number < 0 else ""), abs(number)
    match kind:
        case Kind.RATIO:
            return f"{number * 100:.10g}%"
        case Kind.MONEY | Kind.PRICE:
            return f"{sign}${size:.10g}"
        case Kind.DURATION:
            return f"{number:.10g}s"
        case Kind.CLOCK:
            minutes, seconds = divmod(round(number), 60)
            text = f"{minutes // 60:02}:{minutes % 60:02}"
            return f"{text}:{seconds:02}" if seconds else text
        case _:
            return f"{number:.10g}"
