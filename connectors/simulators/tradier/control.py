"""The control side, apart from Tradier's own interface: ``/practice/*`` on the same port, with a token of its own.

``GET /practice/clock`` needs no token: a client whose clock must go with the venue's reads it there.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.simulators.kalshi.faults import FaultSpecError
from connectors.simulators.tradier import render
from connectors.simulators.tradier.core.orders import Price
from connectors.simulators.tradier.request import Reply
from connectors.simulators.tradier.venue import Venue

PREFIX = "/practice"
Json = dict[str, Any]
OPTIONS = ("read_lag_ms", "cancel_ms", "average_ms", "unlimited", "sandbox")


class Control:
    """``answer`` takes a request below the prefix."""

    def __init__(self, venue: Venue, token: str) -> None:
        self.venue, self.token = venue, token
        self._actions: dict[tuple[str, str], Callable[[Json], Json]] = {
            ("GET", "state"): self._state,
            ("GET", "books"): self._books,
            ("POST", "clock"): self._move,
            ("POST", "faults"): self._faults,
            ("POST", "quote"): self._quote,
            ("POST", "cash"): self._cash,
            ("POST", "options"): self._options,
        }

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """401 without the token, 404 for what there is not, 400 with a reason for what cannot be done."""
        name = path.removeprefix(f"{PREFIX}/")
        if (method, name) == ("GET", "clock"):
            return Reply(200, {"now_ns": self.venue.now(), "speed": self.venue.clock.speed})
        if not hmac.compare_digest(headers.get("authorization", ""), f"Bearer {self.token}"):
            return Reply(401, {"error": "the control token is missing or wrong"})
        action = self._actions.get((method, name))
        if action is None:
            names = ", ".join(f"{verb} {name}" for verb, name in self._actions)
            return Reply(404, {"error": f"there is no {method} {path}; there are {names}"})
        self.venue.tick()
        try:
            values = json.loads(body) if body.strip() else {}
            if not isinstance(values, dict):
                raise ValueError("the body must be a JSON object")
            return Reply(200, action(values))
        except KeyError as error:
            return Reply(400, {"error": f"the body has no {error.args[0]}"})
        except InvalidOperation:
            return Reply(400, {"error": "a price or a sum that is no number"})
        except (FaultSpecError, ValueError, TypeError) as error:
            return Reply(400, {"error": str(error)})

    def _state(self, values: Json) -> Json:
        rules = self.venue.faults.rules
        return {
            "now": render.stamp(self.venue.now()), "speed": self.venue.clock.speed,
            "session": self.venue.exchange.hours.state, "symbols": list(self.venue.director.listed),
            "orders": len(self.venue.exchange.orders), "trades": len(self.venue.exchange.trades),
            "faults": [{"kind": r.kind, "scope": r.scope, "seen": r.seen, "fired": r.fired} for r in rules],
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

    def _faults(self, values: Json) -> Json:
        """``{"spec": "timeout@create:0.1"}``; an empty text ends all faults."""
        self.venue.faults.set(values["spec"])
        return {"rules": len(self.venue.faults.rules)}

    def _quote(self, values: Json) -> Json:
        """``{"symbol", "bid", "ask", "last"?, "size"?}`` holds a quote; ``{"symbol", "release": true}`` ends that."""
        symbol = str(values["symbol"]).upper()
        if values.get("release"):
            self.venue.director.hold(symbol, None)
            return {}
        bid, ask = Decimal(str(values["bid"])), Decimal(str(values["ask"]))
        last = Decimal(str(values.get("last", bid)))
        if not 0 < bid <= ask or last <= 0:
            raise ValueError("bid and ask must be above 0 and not crossed")
        self.venue.director.hold(symbol, Price(bid, ask, last, Decimal(str(values.get("size", 1000)))))
        return {}

    def _cash(self, values: Json) -> Json:
        """``{"dollars": "1000"}`` is paid in; negative is taken out."""
        self.venue.exchange.cash += Decimal(str(values["dollars"]))
        return {"cash": str(self.venue.exchange.cash)}

    def _options(self, values: Json) -> Json:
        for name, value in values.items():
            if name not in OPTIONS:
                raise ValueError(f"{name}: there is no such option; there are {', '.join(OPTIONS)}")
            setattr(self.venue.options, name, bool(value) if name in ("unlimited", "sandbox") else int(value))
        return {}
