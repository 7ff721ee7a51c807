"""What a bracket comes to, before it is placed. Arithmetic alone."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from engine.market.orders import Side
from engine.service.desk import Desk, Json
from engine.service.problems import ServiceError


def preview(
    desk: Desk, symbol: str, side: Side, quantity: Decimal, stop: Decimal | None, target: Decimal | None,
    price: Decimal | None,
) -> Json:  # fmt: skip
    """Prices on the grid, and what would be paid, lost and won (money, fees apart).

    Raises ServiceError where no price is given or known, or where the bracket would not stand away from the entry.
    """
    known, tick, lot = desk.price_of(symbol)
    if quantity % lot:
        raise ServiceError(422, "invalid", f"qty must be a whole number of lots of {lot:f}", field="qty")
    entry = known if price is None else price
    if entry is None:
        raise ServiceError(
            409, "no_price", f"no price of {symbol} is known: give &price=, or run an engine that follows it",
            field="price",
        )  # fmt: skip
    sign = side.sign
    stop_price = None if stop is None else _on_grid(entry * (1 - sign * stop), tick, ROUND_HALF_EVEN)
    rounding = ROUND_CEILING if sign > 0 else ROUND_FLOOR
    target_price = None if target is None else _on_grid(entry * (1 + sign * target), tick, rounding)
    for name, leg, way in (("stop_pct", stop_price, -1), ("tp_pct", target_price, 1)):
        if leg is not None and ((leg - entry) * sign * way <= 0 or leg <= 0):
            raise ServiceError(422, "invalid", f"{name} leaves no room on a grid of {tick:f}", field=name)
    return {
        "symbol": symbol, "side": side.value, "qty": f"{quantity:f}", "price": _text(entry),
        "price_from": "market" if price is None else "given", "stop": _text(stop_price), "target": _text(target_price),
        "notional": _text(entry * quantity),
        "loss_at_stop": None if stop_price is None else _text(abs(entry - stop_price) * quantity),
        "gain_at_target": None if target_price is None else _text(abs(target_price - entry) * quantity),
    }  # fmt: skip


def _on_grid(price: Decimal, tick: Decimal, rounding: str) -> Decimal:
    return (price / tick).to_integral_value(rounding) * tick


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"
