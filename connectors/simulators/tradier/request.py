"""One request and one answer of the practice venue, and how parameters are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qsl

from connectors.simulators.tradier.core.orders import BadRequest
from connectors.simulators.tradier.prices import NANOS, ZONE

ROOT = "/v1"


@dataclass(slots=True)
class Reply:
    """``body`` is JSON, or plain text."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Request:
    """``path`` below the version; ``query`` and ``form`` hold the last of repeated names."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, str]
    host: str

    @classmethod
    def of(cls, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Request:
        text = body.decode(errors="replace")
        form = dict(parse_qsl(text, keep_blank_values=True)) if text else {}
        found = dict(parse_qsl(query, keep_blank_values=True))
        return cls(method, path.removeprefix(ROOT), found, form, headers, headers.get("host", "127.0.0.1"))


def need(told: Mapping[str, str], name: str) -> str:
    """A text that must be there."""
    value = told.get(name, "").strip()
    if not value:
        raise BadRequest(f"Invalid parameter, {name}: is required.")
    return value


def flag(told: Mapping[str, str], name: str) -> bool:
    """Clients write it in any case."""
    return told.get(name, "").lower() == "true"


def whole(told: Mapping[str, str], name: str, default: int) -> int:
    """A whole number."""
    text = told.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise BadRequest(f"Invalid parameter, {name}: {text}.")
    return int(text)


def day_in(told: Mapping[str, str], name: str) -> date | None:
    """A date; None where none is said."""
    text = told.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadRequest(f"Invalid parameter, {name}: {text}.") from None


def wall_in(told: Mapping[str, str], name: str) -> int | None:
    """UTC nanoseconds of a New York wall time."""
    text = told.get(name, "").strip()
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()) * NANOS if text else None
    except ValueError:
        raise BadRequest(f"Invalid parameter, {name}: {text}.") from None
