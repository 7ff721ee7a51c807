"""What can be done to a practice Tradier: move its time, hold quotes, change cash and options."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from connectors.simulators.control import Actions, Control, Json
from connectors.simulators.request import Reply, Request
from connectors.simulators.tradier import render
from connectors.simulators.tradier.core.orders import Price
from connectors.simulators.tradier.venue import Venue

OPTIONS = ("read_lag_ms", "cancel_ms", "average_ms", "unlimited", "sandbox")


class TradierControl(Control):
    """The control side of one practice venue."""

    def __init__(self, venue: Venue, token: str) -> None:
        actions: Actions = {
            ("GET", "state"): self._state,
            ("GET", "books"): self._books,
            ("POST", "clock"): self._move,
            ("POST", "quote"): self._quote,
            ("POST", "cash"): self._cash,
            ("POST", "options"): self._options,
        }
        super().__init__(token, venue.faults, actions)
        self.venue = venue

    def clock(self) -> Json:
        return {"now_ns": self.venue.now(), "speed": self.venue.clock.speed}

    def answer(self, request: Request) -> Reply:
        self.venue.tick()
        return super().answer(request)

    def _state(self, values: Json) -> Json:
        return {
            "now": render.stamp(self.venue.now()), "speed": self.venue.clock.speed,
            "session": self.venue.exchange.hours.state, "symbols": list(self.venue.director.listed),
            "orders": len(self.venue.exchange.orders), "trades": len(self.venue.exchange.trades),
            "faults": self.fired(),
        }  # fmt: skip

    def _books(self, values: Json) -> Json:
        """What the venue itself holds, now; nothing lags, and nothing is left out."""
        exchange = self.venue.exchange
        return {
            "orders": [render.order(order) for order in exchange.orders.values()],
            "trades": [
                {
                    "order_id": t.order_id, "symbol": t.symbol, "side": t.side, "quantity": str(t.quantity),
                    "price": str(t.price), "tag": t.tag, "time": render.stamp(t.time_ns),
                }
                for t in exchange.trades
            ],
            "positions": {h.symbol: str(h.quantity) for h in exchange.held.values()}, "cash": str(exchange.cash),
        }  # fmt: skip

    def _move(self, values: Json) -> Json:
        """``{"advance_ms": 60000}``: everything due in that time happens at once."""
        duration = int(values["advance_ms"])
        if duration < 0:
            raise ValueError("advance_ms: time does not run backwards")
        self.venue.clock.step(duration * 1_000_000)
        self.venue.tick()
        return {"now": render.stamp(self.venue.now())}

    def _quote(self, values: Json) -> Json:
        """``{"symbol", "bid", "ask", "last"?, "size"?}`` holds a quote; ``{"symbol", "release": true}`` ends that."""
        symbol = str(values["symbol"]).upper()
        if values.get("release"):
            self.venue.director.hold(symbol, None)
            return {}
        bid, ask = _decimal(values["bid"]), _decimal(values["ask"])
        last = _decimal(values.get("last", bid))
        if not 0 < bid <= ask or last <= 0:
            raise ValueError("bid and ask must be above 0 and not crossed")
        self.venue.director.hold(symbol, Price(bid, ask, last, _decimal(values.get("size", 1000))))
        return {}

    def _cash(self, values: Json) -> Json:
        """``{"dollars": "1000"}`` is paid in; negative is taken out."""
        self.venue.pay_in(_decimal(values["dollars"]))
        return {"cash": str(self.venue.exchange.cash)}

    def _options(self, values: Json) -> Json:
        for name, value in values.items():
            if name not in OPTIONS:
                raise ValueError(f"{name}: there is no such option; there are {', '.join(OPTIONS)}")
            setattr(self.venue.options, name, bool(value) if name in ("unlimited", "sandbox") else int(value))
        return {}


def _decimal(told: object) -> Decimal:
    try:
        return Decimal(str(told))
    except InvalidOperation:
        raise ValueError(f"{told!r} is no number") from None
