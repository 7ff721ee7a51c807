"""Scalars that other YAML readers take for something else than the author sees (AT003).

This engine reads the text and would get them right. The author's editor, another tool or another person may not,
and the difference is silent: ``010`` is 8, ``12:30`` is 750, ``yes`` is true, ``1e-3`` is text.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum

from engine.language.diagnostics import Edit, Finding
from engine.ruleset.yaml_nodes import Scalar

_TRUE = frozenset(word for base in ("yes", "on") for word in (base, base.title(), base.upper()))
_FALSE = frozenset(word for base in ("no", "off") for word in (base, base.title(), base.upper()))
_WORDS = _TRUE | _FALSE | {word for base in ("true", "false") for word in (base, base.title(), base.upper())}
_NOTHING = frozenset({"~", "null", "Null", "NULL"})
_OCTAL = re.compile(r"[-+]?0[0-9_]*[0-9]|0o[0-7]+")
_EXPONENT = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)[eE][-+]?\d{1,3}")
_SEXAGESIMAL = re.compile(r"[-+]?\d+(?::[0-5]?\d)+(?:\.\d*)?")
_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)|0x[0-9a-fA-F]+|[-+]?\.(?:inf|nan)", re.IGNORECASE)


class Meant(StrEnum):
    """What stands in the field."""

    TEXT = "text"
    NUMBER = "a number"
    TRUTH = "true or false"
    EXPRESSION = "an expression"


def is_nothing(scalar: Scalar) -> bool:
    """Whether YAML reads this as no value at all: ``key:``, ``~``, ``null``."""
    return scalar.plain and (not scalar.text or scalar.text in _NOTHING)


def ambiguous(scalar: Scalar, meant: Meant) -> Finding | None:
    """AT003 with its mend, when ``scalar`` is plain and reads differently elsewhere."""
    if not scalar.plain:
        return None
    found = _reading(scalar.text, meant)
    if found is None:
        return None
    reading, mend = found
    return Finding(
        "AT003",
        "ambiguous-scalar",
        f"`{scalar.text}` is {reading} to other YAML readers, and {meant.value} is wanted here",
        (scalar.whole(),),
        help=f"write {mend}",
        edits=(Edit(scalar.written(), mend),),
    )


def _reading(text: str, meant: Meant) -> tuple[str, str] | None:
    """What others read, and what to write instead."""
    if meant is Meant.TEXT:
        reading = _other_reading(text)
        return None if reading is None else (reading, f'"{text}"')
    if text in _TRUE or text in _FALSE:
        return ("a truth value or text", "true" if text in _TRUE else "false")
    if meant is Meant.TRUTH:
        return None
    if _OCTAL.fullmatch(text):
        digits = text.replace("_", "").replace("o", "")
        sign = "-" if digits.startswith("-") else ""
        return (_octal(digits), sign + (digits.lstrip("+-0") or "0"))
    if _EXPONENT.fullmatch(text):
        return ("a number or text", format(Decimal(text), "f"))
    return None


def _octal(digits: str) -> str:
    """How a number with a leading zero is read: to the base 8 where that is possible."""
    if re.search("[89]", digits):
        return f"{int(digits)} or text"
    return f"{int(digits, 8)}, a number to the base 8,"


def _other_reading(text: str) -> str | None:
    if text in _WORDS:
        return "a truth value"
    if text in _NOTHING:
        return "nothing"
    if _SEXAGESIMAL.fullmatch(text):
        return "a number to the base 60"
    if _NUMBER.fullmatch(text) or _OCTAL.fullmatch(text) or _EXPONENT.fullmatch(text):
        return "a number"
    return None
