"""The small texts inside rule files: expressions, names, series (times: ``times``). Each knows what is wrong with it.

Every class but ``Expr`` is a ``str`` that was checked when made, so a model prints as the author wrote it. The
message of the ValueError says what was wanted and what was got; the loader adds the place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from engine.language.diagnostics import TextSource

MAX_SAMPLES = 100_000


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
            raise ValueError(f"wanted {cls.wanted}, got `{short(text)}`")
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


def short(text: str) -> str:
    """The text in one line of at most 40 signs, for messages."""
    line = " ".join(text.split())
    return line if len(line) <= 40 else line[:39] + "…"
