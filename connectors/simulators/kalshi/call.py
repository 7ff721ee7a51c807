"""One REST request as handlers see it, with the venue's words for parameters and bodies that it cannot read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.simulators.kalshi.auth import need_subaccount
from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.units import NANOS, UnitError, parse_count, parse_price
from connectors.simulators.kalshi.keys import ApiKey

_INT64 = 2**63 - 1
_GO_KINDS = ((bool, "bool"), (int, "number"), (float, "number"), (str, "string"), (list, "array"), (dict, "object"))


class ParameterError(Exception):
    """A parameter out of bounds: the venue's bare ``{"msg": ...}``, status 400."""

    def __init__(self, operation: str, kind: str, name: str, tag: str) -> None:
        field_name = "".join(part.capitalize() for part in name.split("_"))
        super().__init__(
            f"Parameter validation failed for {operation}: Key: '{operation}{kind}.{field_name}' Error:Field "
            f"validation for '{field_name}' failed on the '{tag}' tag"
        )


class DecodeError(Exception):
    """A body that does not decode: the venue's flat ``{"code", "message", "details"}``, status 400."""


@dataclass(slots=True)
class Call:
    """``query`` keeps the last of repeated parameters in ``query[name][-1]``. ``key`` is None on public endpoints."""

    operation: str
    path: Mapping[str, str]
    query: Mapping[str, list[str]]
    raw: bytes
    now: int
    key: ApiKey | None = None
    _body: Any = field(default=None)

    @property
    def user(self) -> str:
        assert self.key is not None
        return self.key.user

    # Query

    def text(self, name: str) -> str | None:
        values = self.query.get(name)
        return values[-1] if values and values[-1] != "" else None

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise self.bad(name, "required")
        return value

    def integer(self, name: str, low: int = 0, high: int = _INT64) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            number = int(value)
        except ValueError:
            raise DecodeError(f"strconv.ParseInt: parsing {json.dumps(value)}: invalid syntax") from None
        if number < low:
            raise self.bad(name, "gte")
        if number > high:
            raise self.bad(name, "lte")
        return number

    def limit(self, default: int, high: int, low: int = 1) -> int:
        value = self.integer("limit", low, high)
        return default if value is None else value

    def flag(self, name: str) -> bool | None:
        value = self.text(name)
        if value is None:
            return None
        if value.lower() not in ("true", "false", "1", "0"):
            raise DecodeError(f"strconv.ParseBool: parsing {json.dumps(value)}: invalid syntax")
        return value.lower() in ("true", "1")

    def choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        value = self.text(name)
        if value is not None and value not in choices:
            raise self.bad(name, "oneof")
        return value

    def csv(self, name: str, most: int | None = None) -> list[str] | None:
        value = self.text(name)
        if value is None:
            return None
        values = [part.strip() for part in value.split(",") if part.strip()]
        if most is not None and len(values) > most:
            raise self.bad(name, "max")
        return values

    def time(self, name: str) -> int | None:
        """A Unix time in seconds as nanoseconds."""
        seconds = self.integer(name)
        return seconds * NANOS if seconds is not None else None

    def bad(self, name: str, tag: str) -> ParameterError:
        return ParameterError(self.operation, "Params", name, tag)

    def subaccount(self) -> int | None:
        """The subaccount of the query, or the one that the key is locked to; None is not said."""
        assert self.key is not None
        return need_subaccount(self.key, self.integer("subaccount", 0, 63))

    def shard(self) -> int | None:
        """``exchange_index``; -1 is allowed."""
        return self.integer("exchange_index", -1)

    # Body

    def body(self) -> Body:
        """The JSON object of the body. Raises VenueError or DecodeError."""
        if not self.raw.strip():
            raise VenueError(400, "invalid_content_type")
        if self._body is None:
            try:
                self._body = json.loads(self.raw)
            except ValueError as error:
                raise DecodeError(f"invalid JSON: {error}") from None
        if not isinstance(self._body, dict):
            raise DecodeError(f"json: cannot unmarshal {_go(self._body)} into Go value of type {self.operation}Request")
        return Body(self._body, self.operation, self.key)


@dataclass(frozen=True, slots=True)
class Body:
    """Typed reading of a JSON object. ``null`` is the same as absent."""

    values: Mapping[str, Any]
    operation: str
    key: ApiKey | None

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise self._mismatch(name, value, "string")
        return value

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise self.bad(name, "required")
        return value

    def integer(self, name: str, low: int = -_INT64, high: int = _INT64) -> int | None:
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._mismatch(name, value, "int64")
        if value < low:
            raise self.bad(name, "gte")
        if value > high:
            raise self.bad(name, "lte")
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self._mismatch(name, value, "bool")
        return bool(value)

    def items(self, name: str) -> list[Any]:
        value = self.values.get(name)
        if value is None:
            raise self.bad(name, "required")
        if not isinstance(value, list):
            raise self._mismatch(name, value, "array")
        return value

    def objects(self, name: str) -> list[Body]:
        return [self._inner(name, item) for item in self.items(name)]

    def _inner(self, name: str, item: Any) -> Body:
        if not isinstance(item, dict):
            raise self._mismatch(name, item, "object")
        return Body(item, self.operation, self.key)

    def price(self, name: str) -> int:
        try:
            return parse_price(self.required(name))
        except UnitError:
            raise VenueError(400, "invalid_price") from None

    def count(self, name: str) -> int:
        return _count(self.required(name))

    def optional_count(self, name: str) -> int | None:
        text = self.text(name)
        return _count(text) if text is not None else None

    def subaccount(self) -> int:
        assert self.key is not None
        return need_subaccount(self.key, self.integer("subaccount", 0, 63)) or 0

    def shard(self) -> int | None:
        return self.integer("exchange_index", -1)

    def bad(self, name: str, tag: str) -> ParameterError:
        return ParameterError(self.operation, "Request", name, tag)

    def _mismatch(self, name: str, value: Any, kind: str) -> DecodeError:
        return DecodeError(
            f"json: cannot unmarshal {_go(value)} into Go struct field {self.operation}Request.{name} of type {kind}"
        )


def _count(text: str) -> int:
    try:
        return parse_count(text)
    except UnitError:
        raise VenueError(400, "invalid_order_size") from None


def _go(value: Any) -> str:
    return next((name for kind, name in _GO_KINDS if isinstance(value, kind)), "null")
