"""Tradier's JSON, which is XML in disguise: no row is the text "null", one row an object, several a list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.tradier.errors import BadAnswer
from connectors.transport.words import shorten

NOTHING = (None, "null", "")
NANOS_PER_MS = 1_000_000
MEND = "the API has changed or the answer is not Tradier's; nothing was concluded from it"


def rows(body: Mapping[str, Any], outer: str, inner: str) -> list[Fields]:
    """The rows of ``body[outer][inner]``, however many there are."""
    found = body.get(outer)
    if found in NOTHING:
        if outer not in body:
            raise BadAnswer(f"the answer has no `{outer}` ({', '.join(body) or 'it is empty'}): {MEND}")
        return []
    if not isinstance(found, dict):
        raise BadAnswer(f"{outer} is {shorten(str(found))!r} and no object: {MEND}")
    return [Fields(row, f"{outer}.{inner}") for row in many(found.get(inner), f"{outer}.{inner}")]


def many(found: Any, where: str) -> list[dict[str, Any]]:
    """The objects of one place, however many there are."""
    if found in NOTHING:
        return []
    listed = found if isinstance(found, list) else [found]
    for row in listed:
        if not isinstance(row, dict):
            raise BadAnswer(f"{where} has {shorten(str(row))!r}, which is no object: {MEND}")
    return listed


def texts(found: Any) -> list[str]:
    """The texts of one place, however many there are."""
    if found in NOTHING:
        return []
    return [str(each) for each in (found if isinstance(found, list) else [found])]


def one(body: Mapping[str, Any], name: str) -> Fields:
    """The object ``body[name]``."""
    found = body.get(name)
    if not isinstance(found, dict):
        raise BadAnswer(f"the answer has no object `{name}` ({', '.join(body) or 'it is empty'}): {MEND}")
    return Fields(found, name)


class Fields:
    """One object, read field by field; BadAnswer names the field that is missing or of another kind."""

    def __init__(self, raw: dict[str, Any], where: str) -> None:
        self.raw, self.where = raw, where

    def _must(self, name: str) -> Any:
        found = self.raw.get(name)
        if found in NOTHING:
            raise self.bad(name, "is missing")
        return found

    def bad(self, name: str, what: str) -> BadAnswer:
        """The error of one field."""
        return BadAnswer(f"{self.where}.{name} {what}: {MEND}")

    def has(self, name: str) -> bool:
        return self.raw.get(name) not in NOTHING

    def text(self, name: str, default: str | None = None) -> str:
        if default is not None and not self.has(name):
            return default
        found = self._must(name)
        if isinstance(found, dict | list | bool):
            raise self.bad(name, f"is {shorten(str(found))!r} and no text")
        return str(found)

    def decimal(self, name: str) -> Decimal:
        return self._decimal(name, self._must(name))

    def maybe(self, name: str) -> Decimal | None:
        """A number, None where there is none."""
        return self._decimal(name, self.raw[name]) if self.has(name) else None

    def _decimal(self, name: str, found: Any) -> Decimal:
        if isinstance(found, bool | dict | list):
            raise self.bad(name, f"is {shorten(str(found))!r} and no number")
        try:
            number = Decimal(found) if isinstance(found, int | Decimal) else Decimal(str(found))
        except InvalidOperation:
            raise self.bad(name, f"is {found!r} and no number") from None
        if not number.is_finite():
            raise self.bad(name, f"is {found!r} and no number")
        return number

    def integer(self, name: str) -> int:
        number = self.decimal(name)
        if number != number.to_integral_value():
            raise self.bad(name, f"is {number} and no whole number")
        return int(number)

    def flag(self, name: str) -> bool:
        found = self.raw.get(name)
        return found is True or found == "true"

    def ms(self, name: str) -> int | None:
        """UTC nanoseconds of epoch milliseconds; None for none (0 is none)."""
        number = self.maybe(name)
        return int(number) * NANOS_PER_MS if number else None

    def instant(self, name: str) -> int:
        """UTC nanoseconds of an ISO time in UTC."""
        return self.iso(name, self.text(name))

    def iso(self, name: str, text: str) -> int:
        try:
            told = datetime.fromisoformat(text)
        except ValueError:
            raise self.bad(name, f"is {text!r} and no time") from None
        told = told if told.tzinfo is not None else told.replace(tzinfo=UTC)
        whole = int(told.replace(microsecond=0).timestamp())
        return whole * 1_000_000_000 + told.microsecond * 1000

    def day(self, name: str) -> date:
        text = self.text(name)
        try:
            return date.fromisoformat(text[:10])
        except ValueError:
            raise self.bad(name, f"is {text!r} and no date") from None

    def under(self, name: str) -> Fields | None:
        """The object in a field, None where there is none."""
        found = self.raw.get(name)
        if found in NOTHING:
            return None
        if not isinstance(found, dict):
            raise self.bad(name, f"is {shorten(str(found))!r} and no object")
        return Fields(found, f"{self.where}.{name}")
