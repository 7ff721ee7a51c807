"""Tradier's REST endpoints over the practice venue: one request in, one answer out. No sockets here."""

from __future__ import annotations

import hmac
import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from connectors.simulators.tradier import options, render
from connectors.simulators.tradier.core.exchange import unit
from connectors.simulators.tradier.core.orders import BadRequest, Order, Refused
from connectors.simulators.tradier.core.rules import check_tag
from connectors.simulators.tradier.limits import group_of
from connectors.simulators.tradier.prices import INDICES, NANOS, ZONE, Bar, day_of, first_ns, regular_hours
from connectors.simulators.tradier.venue import Venue
from connectors.simulators.tradier.world import CLOSED, OPEN, POST, PRE, may_trade_extended, state_at

ROOT = "/v1"
DEFAULT_LIMIT = 25
MOST_LIMIT = 1500
DEPTH_DAYS = 10
HISTORY_DAYS = 250
INTERVALS = {"1min": 1, "5min": 5, "15min": 15}
Json = dict[str, Any]


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


class Api:
    """``answer`` gives every request its answer; ``name_of`` what faults call it."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        account = r"/accounts/(?P<account>[^/]+)"
        table: list[tuple[str, str, str, Callable[..., Reply]]] = [
            ("quotes", "GET|POST", r"/markets/quotes", self._quotes),
            ("timesales", "GET", r"/markets/timesales", self._timesales),
            ("history", "GET", r"/markets/history", self._history),
            ("clock", "GET", r"/markets/clock", self._clock),
            ("calendar", "GET", r"/markets/calendar", self._calendar),
            ("expirations", "GET", r"/markets/options/expirations", self._expirations),
            ("strikes", "GET", r"/markets/options/strikes", self._strikes),
            ("chains", "GET", r"/markets/options/chains", self._chains),
            ("lookup", "GET", r"/markets/options/lookup", self._lookup),
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
        return "preview" if found[0] == "create" and _flag(request.form, "preview") else found[0]

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
        group = group_of(request.method, request.path)
        allowed, headers = venue.windows.take(group)
        if not allowed:
            return Reply(429, venue.windows.words(group), headers)
        _, act, parts = found
        reply = self._act(request, act, parts)
        reply.headers |= headers
        return reply

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
            match = path.fullmatch(request.path)
            if match is not None and request.method in methods:
                return name, act, match.groupdict()
        return None

    # -- the market ----------------------------------------------------------------------------------------------------

    def _quotes(self, request: Request) -> Reply:
        asked = {**request.query, **request.form}
        names = [name.strip().upper() for name in _need(asked, "symbols").split(",") if name.strip()]
        known = [name for name in dict.fromkeys(names) if self._has(name)]
        unknown = [name for name in dict.fromkeys(names) if name not in known]
        quotes = [self._quote(name, _flag(asked, "greeks")) for name in known]
        found: Any = render.rows(quotes, "quote")
        if unknown:
            found = found if isinstance(found, dict) else {}
            found["unmatched_symbols"] = {"symbol": unknown[0] if len(unknown) == 1 else unknown}
        return Reply(200, {"quotes": found})

    def _has(self, symbol: str) -> bool:
        if self.venue.options.sandbox and symbol in INDICES:
            return False
        return self.venue.director.ensure(symbol)

    def _quote(self, symbol: str, greeks: bool = False) -> Json:
        director, exchange, now = self.venue.director, self.venue.exchange, self.venue.now()
        contract = director.contracts.get(symbol)
        if contract is not None:
            greek = options.worth(contract, exchange.prices[contract.underlying].last, now)
            shown = greek if greeks and not self.venue.options.sandbox else None
            return render.quote(symbol, exchange.prices[symbol], [], None, now, contract, shown)
        today = day_of(now)
        hours = regular_hours(today)
        bars = director.day_bars(symbol, today, 5) if hours else []
        sofar = [bar for bar in bars if state_at(bar.start_ns) == OPEN]
        before = self._day_bar(symbol, director.trading_days_before(today, 1)[0])
        return render.quote(symbol, exchange.prices[symbol], sofar, before, now)

    def _timesales(self, request: Request) -> Reply:
        symbol, interval = _need(request.query, "symbol").upper(), request.query.get("interval", "tick")
        if interval == "tick" and self.venue.options.sandbox:
            raise BadRequest("Invalid parameter, interval: tick is not available in the sandbox.")
        if interval not in (*INTERVALS, "tick"):
            raise BadRequest(f"Invalid parameter, interval: {interval}.")
        now = self.venue.now()
        start, end = _wall(request.query, "start"), _wall(request.query, "end")
        days = [*self.venue.director.trading_days_before(day_of(now), DEPTH_DAYS - 1), day_of(now)]
        if start is not None and start < first_ns(days[0]):
            oldest = datetime.fromtimestamp(first_ns(days[0]) // NANOS, ZONE).strftime("%Y-%m-%d 00:00:00")
            raise BadRequest(f"Invalid parameter, start: must be on or after {oldest}.")
        if symbol not in self.venue.director.listed or not self._has(symbol):
            return Reply(200, {"series": None})
        first = start if start is not None else first_ns(days[-1])
        last = end if end is not None else now
        found: list[Bar] = []
        for day in days:
            if first_ns(day) + 86_400 * NANOS >= first and first_ns(day) <= last:
                found += self.venue.director.day_bars(symbol, day, INTERVALS.get(interval, 1))
        if request.query.get("session_filter", "all") == "open":
            found = [bar for bar in found if state_at(bar.start_ns) == OPEN]
        told = [render.sale(bar) for bar in found if first <= bar.start_ns <= last]
        if interval == "tick":
            told = [{k: v for k, v in row.items() if k in ("time", "timestamp", "price", "volume")} for row in told]
        return Reply(200, {"series": render.rows(told, "data") if told else None})

    def _history(self, request: Request) -> Reply:
        symbol = _need(request.query, "symbol").upper()
        interval = request.query.get("interval", "daily")
        if interval not in ("daily", "weekly", "monthly"):
            raise BadRequest(f"Invalid parameter, interval: {interval}.")
        if symbol not in self.venue.director.listed or not self._has(symbol):
            return Reply(200, {"history": None})
        today = day_of(self.venue.now())
        days = [*self.venue.director.trading_days_before(today, HISTORY_DAYS), today]
        start, end = _date(request.query, "start") or date(today.year, 1, 1), _date(request.query, "end") or today
        told = [(day, bar) for day in days if start <= day <= end and (bar := self._day_bar(symbol, day)) is not None]
        return Reply(200, {"history": render.rows(_together(told, interval), "day")})

    def _day_bar(self, symbol: str, day: date) -> Bar | None:
        """Regular hours as one bar."""
        hours = regular_hours(day)
        bars = self.venue.director.day_bars(symbol, day, 5) if hours is not None else []
        inside = [b for b in bars if hours is not None and hours.open_ns <= b.start_ns < hours.close_ns]
        return _merged(inside) if inside else None

    def _clock(self, request: Request) -> Reply:
        now = self.venue.now()
        state, hours = state_at(now), regular_hours(day_of(now))
        wall = datetime.fromtimestamp(now // NANOS, ZONE)
        close = datetime.fromtimestamp((hours.close_ns if hours else now) // NANOS, ZONE).strftime("%H:%M")
        words, at, then = {
            OPEN: (f"Market is open from 09:30 to {close}", close, POST),
            PRE: ("Market is in premarket from 04:00 to 09:30", "09:30", OPEN),
            POST: (f"Market is in postmarket from {close} to 20:00", "20:00", CLOSED),
            CLOSED: ("Market is closed", "04:00", PRE),
        }[state]
        return Reply(200, {"clock": {
            "date": wall.date().isoformat(), "description": words, "state": state, "timestamp": now // NANOS,
            "next_change": at, "next_state": then,
        }})  # fmt: skip

    def _calendar(self, request: Request) -> Reply:
        today = day_of(self.venue.now())
        year, month = (_whole(request.query, n, d) for n, d in (("year", today.year), ("month", today.month)))
        if not 1 <= month <= 12 or not 1990 <= year <= 2035:
            raise BadRequest("Invalid parameter, month: out of range.")
        days = [_calendar_day(date(year, month, d + 1)) for d in range(monthrange(year, month)[1])]
        return Reply(200, {"calendar": {"month": month, "year": year, "days": {"day": days}}})

    # -- options -------------------------------------------------------------------------------------------------------

    def _underlying(self, request: Request, name: str = "symbol") -> str:
        symbol = _need(request.query, name).upper()
        return symbol if symbol in self.venue.director.listed else ""

    def _expirations(self, request: Request) -> Reply:
        symbol = self._underlying(request)
        if not symbol:
            return Reply(200, {"expirations": None})
        dates = options.expiries(day_of(self.venue.now()))
        if not any(_flag(request.query, n) for n in ("strikes", "contractSize", "expirationType")):
            return Reply(200, {"expirations": render.rows([d.isoformat() for d in dates], "date")})
        strikes = [float(s) for s in options.strikes(self.venue.exchange.prices[symbol].last)]
        told = [
            {"date": d.isoformat(), "contract_size": 100, "expiration_type": "weeklys", "strikes": {"strike": strikes}}
            for d in dates
        ]
        return Reply(200, {"expirations": render.rows(told, "expiration")})

    def _strikes(self, request: Request) -> Reply:
        symbol = self._underlying(request)
        _need(request.query, "expiration")
        if not symbol:
            return Reply(200, {"strikes": None})
        found = [float(s) for s in options.strikes(self.venue.exchange.prices[symbol].last)]
        return Reply(200, {"strikes": render.rows(found, "strike")})

    def _chains(self, request: Request) -> Reply:
        symbol, expires = self._underlying(request), _date(request.query, "expiration")
        if expires is None:
            raise BadRequest("Invalid parameter, expiration: is required.")
        if not symbol or expires not in options.expiries(day_of(self.venue.now())):
            return Reply(200, {"options": None})
        names = [c.symbol for c in self._contracts(symbol, expires)]
        told = [self._quote(name, _flag(request.query, "greeks")) for name in names if self._has(name)]
        return Reply(200, {"options": render.rows(told, "option")})

    def _lookup(self, request: Request) -> Reply:
        symbol = self._underlying(request, "underlying")
        dates = options.expiries(day_of(self.venue.now())) if symbol else []
        names = [c.symbol for day in dates for c in self._contracts(symbol, day)]
        return Reply(200, {"symbols": [{"rootSymbol": symbol, "options": names}] if names else None})

    def _contracts(self, symbol: str, expires: date) -> list[options.Contract]:
        strikes = options.strikes(self.venue.exchange.prices[symbol].last)
        return [options.Contract(symbol, expires, kind, strike) for strike in strikes for kind in "CP"]

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
                "amount": render.number(t.quantity * t.price * unit(t.symbol) * _sign(t.side)),
                "date": f"{day_of(t.time_ns)}T00:00:00Z", "type": "trade",
                "trade": {
                    "commission": 0.0, "description": t.symbol, "price": render.number(t.price),
                    "quantity": render.number(t.quantity), "symbol": t.symbol, "trade_type": "Equity",
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
        wanted = {s.strip() for s in request.query.get("status", "").split(",") if s.strip()}
        told = [row for row in told if not wanted or row["status"] in wanted]
        if not _flag(request.query, "includeTags"):
            told = [render.without_tags(row) for row in told]
        return self._page(request, told, "orders", "order")

    def _page(self, request: Request, told: list[Json], outer: str, inner: str) -> Reply:
        limit, page = _whole(request.query, "limit", DEFAULT_LIMIT), _whole(request.query, "page", 1)
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
                self._has(value.upper())
        names = {value.upper() for name, value in form.items() if name.partition("[")[0] == "symbol"}
        if names & INDICES and not any(name.startswith("option_symbol") for name in form):
            raise Refused("SecurityUndefined")
        if _flag(form, "preview"):
            return Reply(200, {"order": self._preview(exchange.check(form, now), now)})
        made = exchange.place(form, now)
        return Reply(200, {"order": {"id": made.id, "status": "ok", "partner_id": "practice"}})

    def _preview(self, order: Order, now: int) -> Json:
        first = order.trading()[0]
        price = self.venue.exchange.prices[first.name]
        each = first.price or first.stop or (price.ask if first.buys else price.bid)
        cost = each * first.quantity * unit(first.name)
        return {
            "status": "ok", "commission": 0.0, "cost": render.number(cost), "fees": 0, "symbol": first.symbol,
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
        tagged = _flag(request.query, "includeTags")
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


def _merged(bars: list[Bar]) -> Bar:
    return Bar(
        bars[0].start_ns, bars[0].open, max(b.high for b in bars), min(b.low for b in bars), bars[-1].close,
        sum(b.volume for b in bars),
    )  # fmt: skip


def _together(told: list[tuple[date, Bar]], interval: str) -> list[Json]:
    groups: dict[tuple[int, int], list[tuple[date, Bar]]] = {}
    for day, bar in told:
        year, week, _ = day.isocalendar()
        key = {"daily": (day.toordinal(), 0), "weekly": (year, week), "monthly": (day.year, day.month)}[interval]
        groups.setdefault(key, []).append((day, bar))
    found = []
    for part in groups.values():
        bar = _merged([each for _, each in part])
        found.append({
            "date": part[0][0].isoformat(), "open": float(bar.open), "high": float(bar.high), "low": float(bar.low),
            "close": float(bar.close), "volume": bar.volume,
        })  # fmt: skip
    return found


def _calendar_day(day: date) -> Json:
    hours = regular_hours(day)
    if hours is None:
        return {"date": day.isoformat(), "status": "closed", "description": "Market is closed"}
    opens, close = (datetime.fromtimestamp(at // NANOS, ZONE).strftime("%H:%M") for at in hours)
    return {
        "date": day.isoformat(), "status": "open", "description": "Market is open",
        "premarket": {"start": "04:00", "end": opens}, "open": {"start": opens, "end": close},
        "postmarket": {"start": close, "end": "20:00"},
    }  # fmt: skip


def _need(told: Mapping[str, str], name: str) -> str:
    value = told.get(name, "").strip()
    if not value:
        raise BadRequest(f"Invalid parameter, {name}: is required.")
    return value


def _flag(told: Mapping[str, str], name: str) -> bool:
    """Clients write it in any case."""
    return told.get(name, "").lower() == "true"


def _whole(told: Mapping[str, str], name: str, default: int) -> int:
    text = told.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise BadRequest(f"Invalid parameter, {name}: {text}.")
    return int(text)


def _date(told: Mapping[str, str], name: str) -> date | None:
    text = told.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadRequest(f"Invalid parameter, {name}: {text}.") from None


def _wall(told: Mapping[str, str], name: str) -> int | None:
    """UTC nanoseconds of a New York wall time."""
    text = told.get(name, "").strip()
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()) * NANOS if text else None
    except ValueError:
        raise BadRequest(f"Invalid parameter, {name}: {text}.") from None
