"""The paper broker's state as plain JSON values, so that a stopped run can go on where it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from connectors.paper.account import PaperAccount
from connectors.paper.working import Working
from engine.market.events import Quote
from engine.market.instrument import Instrument
from engine.market.orders import Order


class SnapshotError(Exception):
    """A state that cannot be restored. The text names the field and what is wrong with it."""


class _Saved(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)


class SavedPosition(_Saved):
    """Signed units of one strategy in one symbol."""

    strategy: str
    symbol: str
    quantity: Decimal


_HINTS = get_type_hints(Order)
# A named tuple would be saved as a bare list; the state names its fields, and so do complaints about it.
_FIELDS: dict[str, Any] = {name: (_HINTS[name], Order._field_defaults.get(name, ...)) for name in Order._fields}
OrderFields = create_model("OrderFields", __base__=_Saved, **_FIELDS)


class SavedOrder(_Saved):
    """A resting order, as ``Working`` has it."""

    order: OrderFields  # type: ignore[valid-type]
    placed_ns: int
    from_ns: int
    remaining: Decimal
    reserve: Decimal
    filled: Decimal
    fee: Decimal
    fills: int
    triggered: bool
    at_market: bool
    met: bool

    def working(self) -> Working:
        fields = {name: getattr(self, name) for name in SavedOrder.model_fields}
        return Working(**fields | {"order": Order(**dict(self.order))})


class SavedBroker(_Saved):
    """All of it. ``quotes`` and ``closes``: the last ones of symbols that are held or in which orders rest."""

    cash: Decimal
    positions: list[SavedPosition]
    orders: list[SavedOrder]
    quotes: dict[str, Quote]
    closes: dict[str, float]


def encode(
    account: PaperAccount, orders: Sequence[Working], quotes: Mapping[str, Quote], closes: Mapping[str, float]
) -> dict[str, object]:
    """JSON values; Decimals are text, so that nothing is rounded."""
    concerned = {symbol for _, symbol in account.positions} | {working.order.symbol for working in orders}
    saved = SavedBroker(
        cash=account.cash,
        positions=[SavedPosition(strategy=k[0], symbol=k[1], quantity=q) for k, q in account.positions.items()],
        orders=[SavedOrder.model_validate(working) for working in orders],
        quotes={symbol: quote for symbol, quote in quotes.items() if symbol in concerned},
        closes={symbol: close for symbol, close in closes.items() if symbol in concerned},
    )
    return cast("dict[str, object]", saved.model_dump(mode="json"))


def decode(state: Mapping[str, object], instruments: Mapping[str, Instrument]) -> SavedBroker:
    """The state again; SnapshotError when a field is missing, malformed, or of a symbol that this run does not have."""
    try:
        saved = SavedBroker.model_validate(dict(state))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SnapshotError(f"the broker's saved state cannot be used: {place}: {first['msg']}") from None
    for symbol in (*(p.symbol for p in saved.positions), *(o.working().order.symbol for o in saved.orders)):
        if symbol not in instruments:
            raise SnapshotError(f"the broker's saved state holds {symbol}, which this run does not trade: add it")
    return saved
