"""Tradier's REST endpoints over the practice venue: one request in, one answer out. No sockets here."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from connectors.simulators.request import Reply, Request
from connectors.simulators.tradier import render
from connectors.simulators.tradier.core.exchange import unit
from connectors.simulators.tradier.core.orders import BadRequest, Order, Refused
from connectors.simulators.tradier.core.rules import check_tag
from connectors.simulators.tradier.limits import group_of
from connectors.simulators.tradier.market_api import MarketApi
from connectors.simulators.tradier.parameters import flag, whole
from connectors.simulators.tradier.prices import INDICES, day_of
from connectors.simulators.tradier.venue import Venue
from connectors.simulators.tradier.world import may_trade_extended

DEFAULT_LIMIT = 25
MOST_LIMIT = 1500
ROOT = "/v1"
Json = dict[str, Any]


class Api:
    """``answer`` gives every request its answer; ``name_of`` what faults call it."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self._market = MarketApi(venue)
        account = r"/accounts/(?P<account>[^/]+)"
        table: list[tuple[str, str, str, Callable[..., Reply]]] = [
            ("quotes", "GET|POST", r"/markets/quotes", self._market.quotes),
            ("timesales", "GET", r"/markets/timesales", self._market.timesales),
            ("history", "GET", r"/markets/history", self._market.history),
            ("clock", "GET", r"/markets/clock", self._market.clock),
            ("calendar", "GET", r"/markets/calendar", self._market.calendar),
            ("expirations", "GET", r"/markets/options/expirations", self._market.expirations),
            ("strikes", "GET", r"/markets/options/strikes", self._market.strikes),
            ("chains", "GET", r"/markets/options/chains", self._market.chains),
            ("lookup", "GET", r"/markets/options/lookup", self._market.lookup),
            ("session", "POST", r"/(?P<kind>markets|accounts)/events/session", self._session),
            ("profile", "GET", r"/user/profile", self._profile),
            ("balances", "GET", account + "/balances", self._balances),
            ("positions", "GET", account + "/positions", self._positions),
            ("account-history", "GET", account + "/history", self._account_history),
            ("gainloss", "GET", account + "/gainloss", self._gainloss),
            ("orders", "GET", account + "/orders", self._orders),
            ("create", "POST", account + "/orders", self._create),
            ("order", "GET", account + r"/orders/(?P<order>[^/]+)", self._order),
            ("modify", "PUT", account + r"/orders/(?P<order>[^/]+)", self._modify),
            ("cancel", "DELETE", account + r"/orders/(?P<order>[^/]+)", self._cancel),
        ]
        self._routes = [(name, methods.split("|"), re.compile(path), act) for name, methods, path, act in table]

    def name_of(self, request: Request) -> str | None:
        """The endpoint's name; None where there is none."""
        found = self._find(request)
        if found is None:
            return None
        return "preview" if found[0] == "create" and flag(request.form, "preview") else found[0]

    def answer(self, request: Request) -> Reply:
        """Judge and carry out a request."""
        venue = self.venue
        venue.tick()
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(token.encode(), venue.token.encode()):
            return Reply(401, {"fault": {
                "faultstring": "Invalid Access Token",
                "detail": {"errorcode": "keymanagement.service.invalid_access_token"},
            }})  # fmt: skip
        found = self._find(request)
        if found is None:
            return Reply(404, "Not Found")
        group = group_of(request.method, request.path.removeprefix(ROOT))
        allowed, headers = venue.windows.take(group)
        if not allowed:
            return Reply(429, venue.windows.words(group), headers)
        _, act, parts = found
        reply = self._act(request, act, parts)
        return replace(reply, headers=headers)

    def _act(self, request: Request, act: Callable[..., Reply], parts: dict[str, str]) -> Reply:
        account = parts.pop("account", self.venue.account)
        if account != self.venue.account:
            return Reply(401, f"Unauthorized Account: {account}")
        try:
            return act(request, **parts)
        except BadRequest as error:
            return Reply(400, str(error))
        except Refused as error:
            reasons = list(error.reasons)
            return Reply(200, {"errors": {"error": reasons[0] if len(reasons) == 1 else reasons}})

    def _find(self, request: Request) -> tuple[str, Callable[..., Reply], dict[str, str]] | None:
        for name, methods, path, act in self._routes:
            match = path.fullmatch(request.path.removeprefix(ROOT))
            if match is not None and request.method in methods:
                return name, act, match.groupdict()
        return None

    # -- the account ---------------------------------------------------------------------------------------------------

    def _session(self, request: Request, kind: str) -> Reply:
        if kind == "markets" and self.venue.options.sandbox:
            return Reply(400, "Invalid request: market streaming is not available in the sandbox.")
        made = self.venue.make_session(kind)
        return Reply(200, {"stream": {"url": f"http://{request.host}{ROOT}/{kind}/events", "sessionid": made}})

    def _profile(self, request: Request) -> Reply:
        account = {
            "account_number": self.venue.account, "classification": "individual",
            "date_created": "2020-01-02T00:00:00.000Z", "day_trader": False, "option_level": 6, "status": "active",
            "type": "margin", "last_update_date": "2020-01-02T00:00:00.000Z",
        }  # fmt: skip
        return Reply(200, {"profile": {"id": "id-practice", "name": "Practice Trader", "account": account}})

    def _balances(self, request: Request) -> Reply:
        exchange, seen = self.venue.exchange, self.venue.money()
        cash = Decimal(seen["cash"])
        worth = [(p["symbol"], Decimal(repr(p["quantity"]))) for p in seen["positions"]]
        long, short, option, stock = (Decimal(0),) * 4
        cost = sum((Decimal(repr(p["cost_basis"])) for p in seen["positions"]), Decimal(0))
        for symbol, quantity in worth:
            value = exchange.value(symbol, quantity)
            long, short = long + max(value, Decimal(0)), short + min(value, Decimal(0))
            option, stock = (option + value, stock) if unit(symbol) > 1 else (option, stock + value)
        gained = sum((sold - was.cost for was, sold, _ in exchange.closed), Decimal(0))
        pending = sum(1 for o in exchange.orders.values() if not o.over)
        n = render.number
        return Reply(200, {"balances": {
            "option_short_value": 0, "total_equity": n(cash + long + short), "account_number": self.venue.account,
            "account_type": "margin", "close_pl": n(gained), "current_requirement": n((long - short) / 2), "equity": 0,
            "long_market_value": n(long), "market_value": n(long + short), "open_pl": n(long + short - cost),
            "option_long_value": n(option), "option_requirement": 0, "pending_orders_count": pending,
            "short_market_value": n(short), "stock_long_value": n(stock), "total_cash": n(cash), "uncleared_funds": 0,
            "pending_cash": 0,
            "margin": {
                "fed_call": 0, "maintenance_call": 0, "option_buying_power": n(cash),
                "stock_buying_power": n(exchange.stock_power()), "stock_short_value": n(short), "sweep": 0,
            },
        }})  # fmt: skip

    def _positions(self, request: Request) -> Reply:
        return Reply(200, {"positions": render.rows(self.venue.money()["positions"], "position")})

    def _account_history(self, request: Request) -> Reply:
        """Yesterday's trades and older: the batch is nightly."""
        today = day_of(self.venue.now())
        told = [
            {
                "amount": render.number(t.quantity * t.price * unit(t.symbol) * _sign(t.side) - t.commission),
                "date": f"{day_of(t.time_ns)}T00:00:00Z", "type": "trade",
                "trade": {
                    "commission": render.number(t.commission), "description": t.symbol,
                    "price": render.number(t.price), "quantity": render.number(-t.quantity * _sign(t.side)),
                    "symbol": t.symbol, "trade_type": "Equity" if unit(t.symbol) == 1 else "Option",
                },
            }
            for t in self.venue.exchange.trades if day_of(t.time_ns) < today
        ]  # fmt: skip
        return self._page(request, told[::-1], "history", "event")

    def _gainloss(self, request: Request) -> Reply:
        today = day_of(self.venue.now())
        told = [
            {
                "close_date": f"{day_of(at)}T00:00:00.000Z", "cost": render.number(was.cost),
                "gain_loss": render.number(sold - was.cost),
                "gain_loss_percent": round(float((sold - was.cost) / was.cost * 100), 4) if was.cost else 0.0,
                "open_date": f"{day_of(was.acquired_ns)}T00:00:00.000Z", "proceeds": render.number(sold),
                "quantity": render.number(was.quantity), "symbol": was.symbol,
                "term": (day_of(at) - day_of(was.acquired_ns)).days,
            }
            for was, sold, at in self.venue.exchange.closed if day_of(at) < today
        ]  # fmt: skip
        return self._page(request, told[::-1], "gainloss", "closed_position")

    # -- orders --------------------------------------------------------------------------------------------------------

    def _orders(self, request: Request) -> Reply:
        told = self.venue.listed()
        wanted = {s.strip() for s in request.params.get("status", "").split(",") if s.strip()}
        told = [row for row in told if not wanted or row["status"] in wanted]
        if not flag(request.params, "includeTags"):
            told = [render.without_tags(row) for row in told]
        return self._page(request, told, "orders", "order")

    def _page(self, request: Request, told: list[Json], outer: str, inner: str) -> Reply:
        limit, page = whole(request.params, "limit", DEFAULT_LIMIT), whole(request.params, "page", 1)
        if not 1 <= limit <= MOST_LIMIT or page < 1:
            raise BadRequest("Invalid parameter, limit: out of range.")
        found = render.rows(told[(page - 1) * limit : page * limit], inner)
        if isinstance(found, dict):
            found |= {"page": page, "total_pages": -(-len(told) // limit), f"total_{outer}": len(told)}
        return Reply(200, {outer: found})

    def _create(self, request: Request) -> Reply:
        exchange, form, now = self.venue.exchange, request.form, self.venue.now()
        for name, value in form.items():
            if name.partition("[")[0] == "duration" and value in ("pre", "post") and not may_trade_extended(value, now):
                session = "pre" if value == "pre" else "post"
                raise BadRequest(f"Invalid parameter, duration: {session} market no longer available")
            if name.partition("[")[0] in ("symbol", "option_symbol") and value:
                self._market.has(value.upper())
        names = {value.upper() for name, value in form.items() if name.partition("[")[0] == "symbol"}
        if names & INDICES and not any(name.startswith("option_symbol") for name in form):
            raise Refused("SecurityUndefined")
        if flag(form, "preview"):
            return Reply(200, {"order": self._preview(exchange.check(form, now), now)})
        made = exchange.place(form, now)
        return Reply(200, {"order": {"id": made.id, "status": "ok", "partner_id": "practice"}})

    def _preview(self, order: Order, now: int) -> Json:
        first = order.trading()[0]
        price = self.venue.exchange.prices[first.name]
        each = first.price or first.stop or (price.ask if first.buys else price.bid)
        cost = each * first.quantity * unit(first.name)
        return {
            "status": "ok", "commission": render.number(self.venue.options.commission), "cost": render.number(cost),
            "fees": 0, "symbol": first.symbol,
            "quantity": render.number(first.quantity), "side": first.side, "type": first.type,
            "duration": first.duration, "result": True, "order_cost": render.number(cost),
            "margin_change": render.number(cost / 2), "request_date": render.stamp(now)[:-1],
            "extended_hours": first.duration in ("pre", "post"), "class": order.kind, "strategy": order.kind,
            "day_trades": 0,
        }  # fmt: skip

    def _order(self, request: Request, order: str) -> Reply:
        found = self._own(order)
        told = self.venue.seen(found.root) if found is not None else None
        if found is None or told is None:
            return Reply(401, f"Unauthorized Account: {self.venue.account}")
        shown = _below(told, found.id) or told
        tagged = flag(request.params, "includeTags")
        return Reply(200, {"order": shown if tagged else render.without_tags(shown)})

    def _modify(self, request: Request, order: str) -> Reply:
        found = self._own(order)
        if found is None:
            return Reply(401, f"Unauthorized Account: {self.venue.account}")
        if "quantity" in request.form:
            raise BadRequest("Invalid parameter, quantity: cannot be changed.")
        check_tag(request.form.get("tag", ""))
        self.venue.exchange.modify(found, request.form, self.venue.now())
        return Reply(200, {"order": {"id": found.id, "status": "ok", "partner_id": "practice"}})

    def _cancel(self, request: Request, order: str) -> Reply:
        found = self._own(order)
        if found is None:
            return Reply(401, f"Unauthorized Account: {self.venue.account}")
        self.venue.cancel(found)
        return Reply(200, {"order": {"id": found.id, "status": "ok"}})

    def _own(self, order: str) -> Order | None:
        return self.venue.exchange.every.get(int(order)) if order.isascii() and order.isdigit() else None


def _below(told: Json, number: int) -> Json | None:
    if told["id"] == number:
        return told
    return next((found for leg in told.get("leg", ()) if (found := _below(leg, number)) is not None), None)


def _sign(side: str) -> int:
    return -1 if side.startswith("buy") else 1
