"""Values as an author writes them: what is given is the literal that the parser reads as that very number."""

from __future__ import annotations

import datetime
from decimal import Decimal

from engine.language.types import Kind

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_COUNTED = 1 << 53  # up to here floats count every second
_LEAST_PERCENT = Decimal("0.001")  # a smaller ratio is written in basis points


def written(kind: Kind, value: float) -> str:
    """``$5000``, ``$1.50``, ``2%``, ``5bps``, ``62c``, ``30s``, ``15m``, ``09:31``, ``2027-01-31``, ``true``, ``20``.

    ``value`` is a finite number in the kind's base unit: dollars, shares of one, seconds (of the day for clocks),
    ordinals of dates. A text has no number. None of its digits is lost.
    """
    number = Decimal(repr(float(value)))
    sign, size = ("-" if number < 0 else ""), abs(number)
    match kind:
        case Kind.BOOL:
            return "true" if number else "false"
        case Kind.DATE:
            return datetime.date.fromordinal(int(number)).isoformat()
        case Kind.CLOCK:
            return _clock(int(number))
        case Kind.MONEY | Kind.PRICE:
            return f"{sign}${_dollars(size)}"
        case Kind.RATIO if size and size < _LEAST_PERCENT:
            return f"{sign}{_plain(size.scaleb(4))}bps"
        case Kind.RATIO:
            return f"{sign}{_plain(size.scaleb(2))}%"
        case Kind.PROBABILITY:
            return f"{sign}{_plain(size.scaleb(2))}c"
        case Kind.DURATION:
            return sign + _duration(size)
        case _:
            return sign + _plain(size)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _dollars(number: Decimal) -> str:
    """Without cents where there are none, else with two digits of them at least."""
    whole, _, cents = _plain(number).partition(".")
    return f"{whole}.{cents:0<2}" if cents else whole


def _duration(seconds: Decimal) -> str:
    """In the largest unit of which it is a whole number."""
    thousandths = seconds * 1000
    if seconds >= _COUNTED:
        return f"{_plain(seconds)}s"
    if seconds % 1 == 0:
        size, unit = next(pair for pair in _UNITS if seconds % pair[0] == 0) if seconds else (1, "s")
        return f"{_plain(seconds / size)}{unit}"
    # A unit is a factor to the parser, and what it rounds would be another number.
    exact = thousandths % 1 == 0 and float(thousandths) * 0.001 == float(seconds)
    return f"{_plain(thousandths)}ms" if exact else f"{_plain(seconds)}s"


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}" + (f":{rest:02}" if rest else "")
