"""What can be done to a practice exchange: move its time, pause and settle its markets, trade against a client."""

from __future__ import annotations

from connectors.simulators.control import Actions, Control, Json
from connectors.simulators.kalshi import render
from connectors.simulators.kalshi.core.errors import VenueError, not_found
from connectors.simulators.kalshi.core.grid import STRUCTURES
from connectors.simulators.kalshi.core.order import GTC, MAKER, NewOrder
from connectors.simulators.kalshi.core.units import (
    MILLIS,
    parse_count,
    parse_money,
    parse_price,
    parse_time,
    show_balance,
    show_count,
    show_money,
    show_time,
)
from connectors.simulators.kalshi.scenario import HOUSE, list_scenario
from connectors.simulators.kalshi.upkeep import Maintenance
from connectors.simulators.kalshi.world.director import Director
from connectors.simulators.request import Reply, Request


class ExchangeControl(Control):
    """The control side of one practice exchange."""

    refusals = (*Control.refusals, VenueError)

    def __init__(self, director: Director, token: str) -> None:
        actions: Actions = {
            ("GET", "state"): self._state,
            ("GET", "books"): self._books,
            ("POST", "clock"): self._clock,
            ("POST", "exchange"): self._exchange,
            ("POST", "maintenance"): self._maintenance,
            ("POST", "market"): self._market,
            ("POST", "list"): self._list,
            ("POST", "event_fee"): self._event_fee,
            ("POST", "order"): self._order,
            ("POST", "cancel"): self._cancel,
            ("POST", "deposit"): self._deposit,
            ("POST", "traders"): self._traders,
            ("POST", "fair"): self._fair,
            ("POST", "options"): self._options,
        }
        super().__init__(token, director.venue.faults, actions)
        self.director, self.venue = director, director.venue

    def clock(self) -> Json:
        return {"now": show_time(self._now), "ahead_ns": self.venue.clock.ahead_ns}

    def answer(self, request: Request) -> Reply:
        try:
            return super().answer(request)
        finally:
            self.venue.settle_up()

    @property
    def _now(self) -> int:
        return self.venue.now()

    def _state(self, values: Json) -> Json:
        """Where things stand. ``money_agrees``: all cash, collateral and fees add up to what was ever paid in."""
        accounts = self.venue.exchange.accounts
        total = sum(accounts.cash.values()) + accounts.house + accounts.fees
        return {
            "now": show_time(self._now),
            "stepped": self.venue.clock.stepped,
            "markets": len(self.venue.floor.markets),
            "trades": len(self.venue.floor.trades),
            "money_agrees": total == accounts.deposited,
            "read_lag_ms": self.venue.published.lag_ns // MILLIS,
            "faults": self.fired(),
            "tape_left": self._tape_left(),
        }

    def _tape_left(self) -> int:
        player = self.director.player
        return len(player.records) - player.played if player is not None else 0

    def _books(self, values: Json) -> Json:
        """What the exchange itself holds of its clients, now: orders, fills, positions, cash. Nothing lags."""
        accounts, floor = self.venue.exchange.accounts, self.venue.floor
        return {
            "orders": [render.order(o) for o in floor.orders.values() if not accounts.user(o.user).trusted],
            "fills": [{**render.fill(f), "client_order_id": f.client_order_id, "user_id": f.user} for f in floor.fills],
            "positions": [
                {"user_id": p.user, "subaccount": p.subaccount, "settled": p.settled, **render.market_position(p)}
                for p in accounts.positions.values()
                if not accounts.user(p.user).trusted
            ],
            "settlements": [{"user_id": s.user, **render.settlement(s)} for s in floor.settlements],
            "cash": [
                {"user_id": user, "subaccount": number, "exchange_index": shard, "cash_dollars": show_money(money)}
                for (user, number, shard), money in accounts.cash.items()
                if not accounts.user(user).trusted
            ],
        }

    def _clock(self, values: Json) -> Json:
        """``{"advance_ms": 60000, "asleep"?: true}``: everything due in that time happens at once; simulated traders
        who are asleep do nothing in it."""
        duration = int(values["advance_ms"])
        if duration < 0:
            raise ValueError("advance_ms: time does not run backwards")
        self.director.step(duration * MILLIS, asleep=bool(values.get("asleep")))
        return {"now": show_time(self._now)}

    def _exchange(self, values: Json) -> Json:
        """``{"active": true, "trading": false, "shard": 3}``; without a shard, all of them."""
        shard = values.get("shard")
        if shard is not None and shard not in range(len(self.venue.floor.shards)):
            raise ValueError(f"there is no shard {shard}")
        self.venue.exchange.set_exchange(
            self._now, bool(values.get("active", True)), bool(values.get("trading", True)), shard
        )
        return {}

    def _maintenance(self, values: Json) -> Json:
        """``{"start": TIME, "end": TIME, "exchange": true}``; without exchange only trading pauses."""
        window = Maintenance(parse_time(values["start"]), parse_time(values["end"]), bool(values.get("exchange")))
        self.venue.announce(window)
        return {}

    def _market(self, values: Json) -> Json:
        """``{"ticker", "do": pause|resume|close|determine|dispute|structure|describe, ...}``: ``result`` and ``value``,
        ``at``, ``to`` or ``fields`` beside it."""
        ticker, exchange, now = values["ticker"], self.venue.exchange, self._now
        match values["do"]:
            case "pause":
                exchange.pause(ticker, now)
            case "resume":
                exchange.resume(ticker, now)
            case "close":
                exchange.move_close(ticker, parse_time(values["at"]) if "at" in values else now, now)
            case "determine":
                value = parse_price(values["value"]) if "value" in values else None
                exchange.determine(ticker, values["result"], now, value)
            case "dispute":
                exchange.dispute(ticker, now)
            case "structure":
                exchange.restructure(ticker, values["to"], STRUCTURES[values["to"]], now)
            case "describe":
                exchange.describe(ticker, values["fields"], now)
            case other:
                known = "pause, resume, close, determine, dispute, structure, describe"
                raise ValueError(f"do: {other} is not one of {known}")
        return {"status": self.venue.floor.market(ticker).status.value}

    def _list(self, values: Json) -> Json:
        """More series, events and markets, in the form of a markets file."""
        openings = list_scenario(self.venue.exchange, values, self._now, "list")
        return {"tickers": [opening.ticker for opening in openings]}

    def _event_fee(self, values: Json) -> Json:
        """``{"event_ticker", "fee_type", "multiplier"}``; nulls go back to the series' fees."""
        multiplier = values.get("multiplier")
        text = str(multiplier) if multiplier is not None else None
        self.venue.exchange.set_event_fee(values["event_ticker"], values.get("fee_type"), text, self._now)
        return {}

    def _order(self, values: Json) -> Json:
        """``{"ticker", "side", "price", "count", "time_in_force"?}``: an order of the house, with money without end."""
        wanted = NewOrder(
            values["ticker"], values["side"], parse_count(values["count"]), parse_price(values["price"]),
            values.get("time_in_force", GTC), MAKER,
        )  # fmt: skip
        if HOUSE not in self.venue.exchange.accounts.users:
            self.venue.exchange.open_user(HOUSE, trusted=True)
        done = self.venue.exchange.place(HOUSE, wanted, self._now)
        filled, left = show_count(done.filled), show_count(done.remaining)
        return {"order_id": done.order.order_id, "fill_count": filled, "remaining_count": left}

    def _cancel(self, values: Json) -> Json:
        """``{"order_id", "ticker"}``: an order of the house."""
        _, reduced = self.venue.exchange.cancel(HOUSE, values["order_id"], self._now, ticker=values["ticker"])
        return {"reduced_by": show_count(reduced)}

    def _deposit(self, values: Json) -> Json:
        """``{"user_id", "dollars": "100.00", "shard"?, "subaccount"?}``; negative takes money out."""
        user, shard, number = values["user_id"], int(values.get("shard", 0)), int(values.get("subaccount", 0))
        if user not in self.venue.exchange.accounts.users:
            raise not_found()
        self.venue.exchange.deposit(user, parse_money(values["dollars"]), self._now, shard, number)
        return {"balance_dollars": show_balance(self.venue.exchange.accounts.available(user, number, shard))}

    def _traders(self, values: Json) -> Json:
        """``{"running": false}``: simulated traders stop or go on."""
        if self.director.crowd is None:
            raise ValueError("there are no simulated traders")
        self.director.crowd.running = bool(values["running"])
        return {}

    def _fair(self, values: Json) -> Json:
        """``{"prices": {TICKER: "0.42"}}``: what simulated traders think of these markets from now on."""
        if self.director.crowd is None:
            raise ValueError("there are no simulated traders")
        prices = {ticker: parse_price(price) for ticker, price in dict(values["prices"]).items()}
        self.director.crowd.believe(prices)
        return {"markets": len(prices)}

    def _options(self, values: Json) -> Json:
        """``{"read_lag_ms": 500, "unlimited": true}``."""
        if "read_lag_ms" in values:
            self.venue.published.lag_ns = int(values["read_lag_ms"]) * MILLIS
        if "unlimited" in values:
            self.venue.options.unlimited = bool(values["unlimited"])
        return {}
