"""The small texts inside rule files: expressions, names, hours, series. Each knows what is wrong with it.

Every class but ``Expr`` is a ``str`` that was checked when made, so a model prints as the author wrote it. The
message of the ValueError says what was wanted and what was got; the loader adds the place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from engine.language.diagnostics import TextSource, did_you_mean

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_SAMPLES = 100_000
MAX_SECONDS = 366 * 86400
_DURATION = r"\d+(?:\.\d+)?(?:ms|s|m|h|d)"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?"
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Expr:
    """One expression, not yet parsed. ``source`` says where each character stands; None outside a file."""

    text: str
    source: TextSource | None = field(default=None, compare=False, repr=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._read)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": ["string", "number", "boolean"], "description": "An expression of the rule language."}

    @classmethod
    def _read(cls, value: object) -> Expr:
        if isinstance(value, Expr):
            return value
        if isinstance(value, str) and value.strip():
            return cls(value)
        raise ValueError("an expression is text")


class Written(str):
    """Checked text. Subclasses give ``pattern`` (the whole text must match), ``wanted`` and perhaps ``check``."""

    __slots__ = ()
    pattern: ClassVar[str] = r"(?s).*\S.*"
    wanted: ClassVar[str] = "text"
    example: ClassVar[str] = ""
    json_types: ClassVar[str | list[str]] = "string"

    def __new__(cls, text: str) -> Self:
        if re.fullmatch(cls.pattern, text) is None:
            raise ValueError(f"wanted {cls.wanted}, got `{_short(text)}`")
        self = super().__new__(cls, text)
        self.check()
        return self

    def check(self) -> None:
        """Raise ValueError for what the pattern cannot say."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        result: dict[str, Any] = {"type": cls.json_types}
        if cls.pattern != Written.pattern:
            result["pattern"] = f"^(?:{cls.pattern})$"
            result["description"] = cls.wanted[0].upper() + cls.wanted[1:] + "."
        else:
            result["minLength"] = 1
        return result

    @classmethod
    def _read(cls, value: object) -> Self:
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls(value)
        raise ValueError(f"wanted {cls.wanted}")


class Text(Written):
    """Words for people."""

    __slots__ = ()


class Name(Written):
    __slots__ = ()
    pattern = r"[A-Za-z_][A-Za-z0-9_]*"
    wanted = "a name of letters, digits and _, such as ema_crossover"


class Symbol(Written):
    """A symbol as the venue writes it: ``SPY``, ``I:SPX``, ``BRK.B``, ``KXHIGHNY-25JAN01-B40``."""

    __slots__ = ()
    pattern = r"[A-Za-z0-9^][A-Za-z0-9^._:/-]*"
    wanted = "a symbol, such as SPY"


class RulePattern(Written):
    """Rules by name or glob, with the pack in front or without: ``vwap_*``, ``index_scalper.*``."""

    __slots__ = ()
    pattern = r"[A-Za-z0-9_*?]+(?:\.[A-Za-z0-9_*?]+)?"
    wanted = "a rule's name or a glob, such as vwap_* or index_scalper.*"


class ParameterName(Written):
    """A parameter of a rule: ``vwap_reclaim.min_rvol``; of the pack when there is no rule in front."""

    __slots__ = ()
    pattern = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,2}"
    wanted = "a parameter, such as vwap_reclaim.min_rvol"


class Period(Written):
    """A fixed length of time: ``1m``."""

    __slots__ = ()
    pattern = _DURATION
    wanted = "a length of time, such as 1m or 30s"

    @property
    def seconds(self) -> float:
        return duration_seconds(self)

    def check(self) -> None:
        _check_length(self, self.seconds)


class Trigger(Written):
    """What makes a strategy look: ``bar(1m)``, ``quote``, ``signal(alpha)``, ``every(60s)``."""

    __slots__ = ()
    pattern = rf"quote|bar\({_DURATION}\)|every\({_DURATION}\)|signal\([A-Za-z_][A-Za-z0-9_.]*\)"
    wanted = "bar(1m), quote, signal(alpha) or every(60s)"

    @property
    def event(self) -> str:
        """``bar``, ``quote``, ``signal`` or ``every``."""
        return self.partition("(")[0]

    @property
    def argument(self) -> str:
        """What stands between the brackets; empty for ``quote``."""
        return self.partition("(")[2].rstrip(")")

    @property
    def seconds(self) -> float | None:
        """Length of the bar or of the interval in seconds; None for quotes and signals."""
        return duration_seconds(self.argument) if self.event in ("bar", "every") else None

    def check(self) -> None:
        if self.seconds is not None:
            _check_length(self, self.seconds)


def _check_length(text: str, seconds: float) -> None:
    if seconds <= 0:
        raise ValueError(f"a length of time must be more than nothing, got `{text}`")
    if seconds > MAX_SECONDS:
        raise ValueError(f"a length of time must be at most a year, got `{_short(text)}`")


class Zone(Written):
    """An IANA time zone: ``America/New_York``."""

    __slots__ = ()
    pattern = r"[A-Za-z][A-Za-z0-9_+/-]*"
    wanted = "a time zone, such as America/New_York"

    def check(self) -> None:
        try:
            ZoneInfo(self)
        except (OSError, ValueError, KeyError):
            near = did_you_mean(self, _zones())
            mend = f"; did you mean {near}?" if near else ""
            raise ValueError(f"there is no time zone `{self}`{mend}") from None


def _zones() -> list[str]:
    from zoneinfo import available_timezones

    return sorted(available_timezones())


class Days(Written):
    """Days of the week: ``mon..fri``, ``sat``. A range may run over the weekend: ``fri..mon``."""

    __slots__ = ()
    pattern = rf"(?:{'|'.join(WEEKDAYS)})(?:\.\.(?:{'|'.join(WEEKDAYS)}))?"
    wanted = "a day or a range of days, such as mon..fri"

    @property
    def numbers(self) -> frozenset[int]:
        """Monday is 0."""
        first, _, last = self.partition("..")
        begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        return frozenset((begin + step) % 7 for step in range((end - begin) % 7 + 1))


class Hours(Written):
    """A window of wall-clock time, ``15:00-15:55``: from its first instant up to, not including, its last.

    ``24:00`` may end a window. A window that ends before it begins runs past midnight and belongs to the day on
    which it begins.
    """

    __slots__ = ()
    pattern = rf"{_CLOCK}\s*-\s*{_CLOCK}"
    wanted = "a window of time, such as 09:31-15:55"

    @property
    def opens(self) -> int:
        """Seconds after midnight."""
        return clock_seconds(self.partition("-")[0])

    @property
    def closes(self) -> int:
        """Seconds after midnight of the day on which the window began: above 86400 when it runs past midnight."""
        closes = clock_seconds(self.partition("-")[2])
        return closes if closes > self.opens else closes + 86400

    def check(self) -> None:
        if self.opens >= 86400:
            raise ValueError(f"a window cannot begin at 24:00, got `{self}`")
        if clock_seconds(self.partition("-")[2]) == self.opens:
            raise ValueError(f"this window is empty: `{self}`; the whole day is 00:00-24:00")


class Moment(Written):
    """When a test looks: a time since its start (``62m``) or of day (``10:32``)."""

    __slots__ = ()
    pattern = rf"{_DURATION}|{_CLOCK}"
    wanted = "a time since the start of the test (62m) or a time of day (10:32)"

    @property
    def after_start(self) -> float | None:
        """Seconds since the start; None when it is a time of day."""
        return None if ":" in self else duration_seconds(self)

    @property
    def clock(self) -> int | None:
        """Seconds after midnight; None when it counts from the start."""
        return clock_seconds(self) if ":" in self else None

    def check(self) -> None:
        if ":" in self:
            clock_seconds(self)
        elif duration_seconds(self) > MAX_SECONDS:
            raise ValueError(f"a test lasts at most a year, got `{_short(self)}`")


class Timestamp(Written):
    """A date and a wall-clock time in the pack's zone: ``2024-03-05 09:30``."""

    __slots__ = ()
    pattern = r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}(?::\d{2})?"
    wanted = "a date and time, such as 2024-03-05 09:30"

    @property
    def local(self) -> datetime:
        """Without a zone: the pack's applies."""
        return datetime.fromisoformat(self)

    def check(self) -> None:
        try:
            date.fromisoformat(self[:10])
            datetime.fromisoformat(self)
        except ValueError:
            raise ValueError(f"there is no such date and time: `{self}`") from None


class Series(Written):
    """Values in shorthand: ``"500x60, 500+0.2x10, _x3, 501"`` is start, step and count; ``_`` is missing.

    ``xN`` is N samples. A number alone is one sample.
    """

    __slots__ = ()
    pattern = r"\s*{term}\s*(?:,\s*{term}\s*)*".replace(
        "{term}", r"(?:_(?:\s*x\s*\d+)?|-?\d+(?:\.\d+)?(?:\s*[+-]\s*\d+(?:\.\d+)?)?(?:\s*x\s*\d+)?)"
    )
    wanted = 'a series, such as "500x60, 500+0.2x10" (start, step, count; _ is missing)'
    json_types: ClassVar[str | list[str]] = ["string", "number"]

    @property
    def values(self) -> tuple[Decimal | None, ...]:
        return tuple(value for term in self.split(",") for value in _samples("".join(term.split())))

    def check(self) -> None:
        for term in self.split(","):
            body, _, count = "".join(term.split()).partition("x")
            if count and int(count) == 0:
                raise ValueError(f"`{term.strip()}` asks for no samples")
            if not count and re.search(r".[+-]", body):
                raise ValueError(f"`{term.strip()}` has a step but no count: write {body}x10")
            if int(count or 1) > MAX_SAMPLES:
                raise ValueError(f"`{term.strip()}` asks for more than {MAX_SAMPLES:,} samples")


_TERM = re.compile(r"(_|-?\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?(?:x(\d+))?")


def _samples(term: str) -> list[Decimal | None]:
    match = _TERM.fullmatch(term)
    assert match is not None  # the pattern of Series
    count = int(match[3] or 1)
    if match[1] == "_":
        return [None] * count
    start, step = Decimal(match[1]), Decimal(match[2] or 0)
    return [start + step * index for index in range(count)]


class FactValue(Written):
    """A fact in a test: a series in shorthand, one number, ``_``, or the text of a fact that is text."""

    __slots__ = ()
    json_types: ClassVar[str | list[str]] = ["string", "number", "boolean"]

    @property
    def series(self) -> Series | None:
        """None when it is one value that is no plain number."""
        return Series(self) if re.fullmatch(Series.pattern, self) else None

    def check(self) -> None:
        if re.fullmatch(Series.pattern, self):
            Series(self)


class Comparison(Written):
    """What a number must be in a test: ``10``, ``>0``, ``<=5``, ``$500.10``, or ``499.5..500.5``."""

    __slots__ = ()
    pattern = r"(?:>=|<=|==|!=|>|<)?\s*-?\$?\d+(?:\.\d+)?|-?\$?\d+(?:\.\d+)?\s*\.\.\s*-?\$?\d+(?:\.\d+)?"
    wanted = 'a number or a bound, such as 10, ">0" or 499..501'
    json_types: ClassVar[str | list[str]] = ["string", "number"]

    def holds(self, value: Decimal) -> bool:
        text = self.replace("$", "").replace(" ", "")
        low, dots, high = text.partition("..")
        if dots:
            return Decimal(low) <= value <= Decimal(high)
        bound = Decimal(text.lstrip("<>=!"))
        sign = text[: len(text) - len(text.lstrip("<>=!"))] or "=="
        return {
            "==": value == bound, "!=": value != bound, ">": value > bound,
            ">=": value >= bound, "<": value < bound, "<=": value <= bound,
        }[sign]  # fmt: skip


class Budget(Written):
    """How often rules may be expected to fire: ``0..3/day``."""

    __slots__ = ()
    pattern = r"\d+\.\.\d+/(?:hour|day|week)"
    wanted = "a range per hour, day or week, such as 0..3/day"

    @property
    def low(self) -> int:
        return int(self.partition("..")[0])

    @property
    def high(self) -> int:
        return int(self.partition("..")[2].partition("/")[0])

    @property
    def per(self) -> str:
        return self.partition("/")[2]

    def check(self) -> None:
        if self.low > self.high:
            raise ValueError(f"the range `{self}` runs backwards")


def duration_seconds(text: str) -> float:
    """Seconds of ``15m``, ``90s``, ``1.5h``, ``250ms``, ``2d``."""
    number = text.rstrip("msdh")
    return float(number) * _UNIT_SECONDS[text[len(number) :]]


def clock_seconds(text: str) -> int:
    """Seconds after midnight of ``9:31`` or ``15:55:30``; ValueError when there is no such time of day."""
    parts = [int(part) for part in text.strip().split(":")]
    hours, minutes, seconds = parts[0], parts[1], parts[2] if len(parts) > 2 else 0
    total = hours * 3600 + minutes * 60 + seconds
    if minutes > 59 or seconds > 59 or total > 86400:
        raise ValueError(f"there is no time of day `{text.strip()}`")
    return total


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 40 else line[:39] + "…"
