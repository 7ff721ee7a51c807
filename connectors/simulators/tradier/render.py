"""Everything as Tradier writes it: XML in the clothes of JSON, and XML itself for those who do not ask for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from connectors.simulators.tradier.core.exchange import unit
from connectors.simulators.tradier.core.orders import Held, Order, Price
from connectors.simulators.tradier.options import Contract, Greek
from connectors.simulators.tradier.prices import INDICES, NANOS, ZONE, Bar

Json = dict[str, Any]
NAMES = {"SPY": "SPDR S&P 500", "QQQ": "Invesco QQQ Trust", "AAPL": "Apple Inc", "SPX": "S&P 500 Index"}


def rows(found: Sequence[Any], inner: str) -> Any:
    """No row is the text null, one row an object, several a list."""
    if not found:
        return "null"
    return {inner: found[0] if len(found) == 1 else list(found)}


def number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def stamp(time_ns: int) -> str:
    """ISO in UTC with milliseconds."""
    return datetime.fromtimestamp(time_ns // 1_000_000 / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def order(told: Order) -> Json:
    """An order with its legs. The parent of an OCO or OTOCO has next to nothing of its own."""
    found: Json = {"id": told.id}
    if told.kind not in ("oto", "oco", "otoco"):
        found |= {
            "type": told.type, "symbol": told.symbol, "side": told.side, "quantity": number(told.quantity),
        }  # fmt: skip
    found |= {"status": told.status}
    if told.kind not in ("oto", "oco", "otoco"):
        found |= {"duration": told.duration}
        found |= {"price": number(told.price)} if told.price is not None else {}
        found |= {"stop_price": number(told.stop)} if told.stop is not None else {}
        found |= {
            "avg_fill_price": number(told.average), "exec_quantity": number(told.executed),
            "last_fill_price": number(told.last_price), "last_fill_quantity": number(told.last_quantity),
            "remaining_quantity": 0.0 if told.over else number(told.left),
        }  # fmt: skip
    found |= {"create_date": stamp(told.created_ns), "transaction_date": stamp(told.changed_ns), "class": told.kind}
    found |= {"option_symbol": told.option} if told.option else {}
    found |= {"reason_description": told.reason} if told.reason else {}
    if told.legs:
        found |= {"num_legs": len(told.legs)} if told.kind in ("multileg", "combo") else {}
        found["leg"] = [order(leg) for leg in told.legs]
    if told.tag and told.parent is None:
        found["tag"] = told.tag
    return found


def without_average(found: Json) -> None:
    """A fill of which the average is not known yet."""
    if "avg_fill_price" in found:
        found["avg_fill_price"] = 0.0
    for leg in found.get("leg", ()):
        without_average(leg)


def without_tags(found: Json) -> Json:
    """Tags are told only to those who ask."""
    return {name: value for name, value in found.items() if name != "tag"}


def order_event(told: Order, account: str, now: int) -> Json:
    """What the account's stream says of a change; no symbol, no side, and another name for what has executed."""
    found: Json = {
        "id": told.id, "event": "order", "status": told.status, "type": told.type,
        "price": number(told.price) or 0.0, "stop_price": number(told.stop) or 0.0,
        "avg_fill_price": number(told.average), "executed_quantity": number(told.executed),
        "last_fill_quantity": number(told.last_quantity), "remaining_quantity": number(told.left),
        "transaction_date": stamp(now), "create_date": stamp(told.created_ns), "account": account,
    }  # fmt: skip
    found |= {"parent_id": told.parent.id} if told.parent is not None else {}
    return found | ({"tag": told.tag} if told.tag else {})


def position(held: Held) -> Json:
    return {
        "cost_basis": number(held.cost), "date_acquired": stamp(held.acquired_ns), "id": held.id,
        "quantity": number(held.quantity), "symbol": held.symbol,
    }  # fmt: skip


def quote(
    symbol: str, price: Price, today: Sequence[Bar], before: Bar | None, now: int, contract: Contract | None = None,
    greek: Greek | None = None,
) -> Json:  # fmt: skip
    """A quote; ``today``: the bars of regular hours so far, ``before``: the day before. Sizes in hundreds."""
    size = int(price.size) if contract is not None else int(price.size) // 100
    last = before.close if before is not None else price.last
    change = price.last - last
    ms = now // 1_000_000
    kind = "option" if contract else "index" if symbol in INDICES else "stock"
    found: Json = {
        "symbol": symbol, "description": NAMES.get(symbol, symbol), "exch": "P", "type": kind,
        "last": number(price.last), "change": number(change),
        "change_percentage": number((change / last * 100).quantize(Decimal("0.01"))) if last else 0.0,
        "volume": sum(bar.volume for bar in today), "average_volume": before.volume if before else 0,
        "last_volume": 100, "trade_date": ms,
        "open": number(today[0].open) if today else None, "high": number(max(b.high for b in today)) if today else None,
        "low": number(min(b.low for b in today)) if today else None, "close": None, "prevclose": number(last),
        "week_52_high": number(price.last * 2), "week_52_low": number(price.last / 2),
        "bid": number(price.bid), "bidsize": size, "bidexch": "P", "bid_date": ms,
        "ask": number(price.ask), "asksize": size, "askexch": "Q", "ask_date": ms,
    }  # fmt: skip
    if contract is None:
        return found | {"root_symbols": symbol}
    found |= {
        "underlying": contract.underlying, "strike": number(contract.strike), "open_interest": 1000,
        "contract_size": 100, "expiration_date": contract.expires.isoformat(), "expiration_type": "standard",
        "option_type": "call" if contract.kind == "C" else "put", "root_symbol": contract.root,
    }  # fmt: skip
    if greek is not None:
        found["greeks"] = {
            "delta": round(greek.delta, 6), "gamma": round(greek.gamma, 6), "theta": round(greek.theta, 6),
            "vega": round(greek.vega, 6), "rho": round(greek.rho, 6), "phi": 0.0, "bid_iv": 0.18, "mid_iv": 0.18,
            "ask_iv": 0.18, "smv_vol": 0.18,
            "updated_at": datetime.fromtimestamp(now // NANOS // 3600 * 3600, UTC).strftime("%Y-%m-%d %H:%M:%S"),
        }  # fmt: skip
    return found


def sale(bar: Bar) -> Json:
    wall = datetime.fromtimestamp(bar.start_ns // NANOS, ZONE)
    mean = (bar.high + bar.low + bar.close) / 3
    return {
        "time": wall.strftime("%Y-%m-%dT%H:%M:%S"), "timestamp": bar.start_ns // NANOS,
        "price": number((bar.high + bar.low) / 2), "open": number(bar.open), "high": number(bar.high),
        "low": number(bar.low), "close": number(bar.close), "volume": bar.volume,
        "vwap": round(float(mean), 5),
    }  # fmt: skip


def value_of(symbol: str, quantity: Decimal, last: Decimal) -> Decimal:
    """What units are worth."""
    return quantity * last * unit(symbol)


def xml(found: Any, name: str = "") -> str:
    """The same as XML."""
    if isinstance(found, dict):
        inner = "".join(xml(value, key) for key, value in found.items())
        return f"<{name}>{inner}</{name}>" if name else inner
    if isinstance(found, list):
        return "".join(xml(each, name) for each in found)
    text = "" if found is None else str(found).lower() if isinstance(found, bool) else str(found)
    return f"<{name}>{escape(text)}</{name}>"
