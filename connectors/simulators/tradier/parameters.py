"""How the practice venue reads parameters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from connectors.simulators.tradier.core.orders import BadRequest
from connectors.simulators.tradier.prices import NANOS, ZONE


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
