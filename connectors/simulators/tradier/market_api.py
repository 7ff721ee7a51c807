"""Market data of the practice venue: quotes, bars, clock, calendar, options."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime
from typing import Any

from connectors.simulators.request import Reply, Request
from connectors.simulators.tradier import options, render
from connectors.simulators.tradier.core.orders import BadRequest
from connectors.simulators.tradier.parameters import day_in, flag, need, wall_in, whole
from connectors.simulators.tradier.prices import INDICES, NANOS, ZONE, Bar, day_of, first_ns, regular_hours
from connectors.simulators.tradier.venue import Venue
from connectors.simulators.tradier.world import CLOSED, OPEN, POST, PRE, state_at

DEPTH_DAYS = 10
HISTORY_DAYS = 250
INTERVALS = {"1min": 1, "5min": 5, "15min": 15}
Json = dict[str, Any]


class MarketApi:
    """One method an endpoint. ``has`` says whether there is a symbol."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue

    # -- the market ----------------------------------------------------------------------------------------------------

    def quotes(self, request: Request) -> Reply:
        """Of equities, indices and options; symbols that there are not are named."""
        asked = {**request.params, **request.form}
        names = [name.strip().upper() for name in need(asked, "symbols").split(",") if name.strip()]
        known = [name for name in dict.fromkeys(names) if self.has(name)]
        unknown = [name for name in dict.fromkeys(names) if name not in known]
        quotes = [self._quote(name, flag(asked, "greeks")) for name in known]
        found: Any = render.rows(quotes, "quote")
        if unknown:
            found = found if isinstance(found, dict) else {}
            found["unmatched_symbols"] = {"symbol": unknown[0] if len(unknown) == 1 else unknown}
        return Reply(200, {"quotes": found})

    def has(self, symbol: str) -> bool:
        """Whether there is such a symbol here; the sandbox has no indices."""
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

    def timesales(self, request: Request) -> Reply:
        """Bars of ten trading days; a tick is a bar of a minute here."""
        symbol, interval = need(request.params, "symbol").upper(), request.params.get("interval", "tick")
        if interval == "tick" and self.venue.options.sandbox:
            raise BadRequest("Invalid parameter, interval: tick is not available in the sandbox.")
        if interval not in (*INTERVALS, "tick"):
            raise BadRequest(f"Invalid parameter, interval: {interval}.")
        now = self.venue.now()
        start, end = wall_in(request.params, "start"), wall_in(request.params, "end")
        days = [*self.venue.director.trading_days_before(day_of(now), DEPTH_DAYS - 1), day_of(now)]
        if start is not None and start < first_ns(days[0]):
            oldest = datetime.fromtimestamp(first_ns(days[0]) // NANOS, ZONE).strftime("%Y-%m-%d 00:00:00")
            raise BadRequest(f"Invalid parameter, start: must be on or after {oldest}.")
        if symbol not in self.venue.director.listed or not self.has(symbol):
            return Reply(200, {"series": None})
        first = start if start is not None else first_ns(days[-1])
        last = end if end is not None else now
        found: list[Bar] = []
        for day in days:
            if first_ns(day) + 86_400 * NANOS >= first and first_ns(day) <= last:
                found += self.venue.director.day_bars(symbol, day, INTERVALS.get(interval, 1))
        if request.params.get("session_filter", "all") == "open":
            found = [bar for bar in found if state_at(bar.start_ns) == OPEN]
        told = [render.sale(bar) for bar in found if first <= bar.start_ns <= last]
        if interval == "tick":
            told = [{k: v for k, v in row.items() if k in ("time", "timestamp", "price", "volume")} for row in told]
        return Reply(200, {"series": render.rows(told, "data") if told else None})

    def history(self, request: Request) -> Reply:
        """Daily, weekly and monthly bars of a year of trading days."""
        symbol = need(request.params, "symbol").upper()
        interval = request.params.get("interval", "daily")
        if interval not in ("daily", "weekly", "monthly"):
            raise BadRequest(f"Invalid parameter, interval: {interval}.")
        if symbol not in self.venue.director.listed or not self.has(symbol):
            return Reply(200, {"history": None})
        today = day_of(self.venue.now())
        days = [*self.venue.director.trading_days_before(today, HISTORY_DAYS), today]
        start, end = day_in(request.params, "start") or date(today.year, 1, 1), day_in(request.params, "end") or today
        told = [(day, bar) for day in days if start <= day <= end and (bar := self._day_bar(symbol, day)) is not None]
        return Reply(200, {"history": render.rows(_together(told, interval), "day")})

    def _day_bar(self, symbol: str, day: date) -> Bar | None:
        """Regular hours as one bar."""
        hours = regular_hours(day)
        bars = self.venue.director.day_bars(symbol, day, 5) if hours is not None else []
        inside = [b for b in bars if hours is not None and hours.open_ns <= b.start_ns < hours.close_ns]
        return _merged(inside) if inside else None

    def clock(self, request: Request) -> Reply:
        """Where the trading day stands."""
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

    def calendar(self, request: Request) -> Reply:
        """The days of a month."""
        today = day_of(self.venue.now())
        year, month = (whole(request.params, n, d) for n, d in (("year", today.year), ("month", today.month)))
        if not 1 <= month <= 12 or not 1990 <= year <= 2035:
            raise BadRequest("Invalid parameter, month: out of range.")
        days = [_calendar_day(date(year, month, d + 1)) for d in range(monthrange(year, month)[1])]
        return Reply(200, {"calendar": {"month": month, "year": year, "days": {"day": days}}})

    # -- options -------------------------------------------------------------------------------------------------------

    def _underlying(self, request: Request, name: str = "symbol") -> str:
        symbol = need(request.params, name).upper()
        return symbol if symbol in self.venue.director.listed else ""

    def expirations(self, request: Request) -> Reply:
        """Dates, or with any of three flags more of each."""
        symbol = self._underlying(request)
        if not symbol:
            return Reply(200, {"expirations": None})
        dates = options.expiries(day_of(self.venue.now()))
        if not any(flag(request.params, n) for n in ("strikes", "contractSize", "expirationType")):
            return Reply(200, {"expirations": render.rows([d.isoformat() for d in dates], "date")})
        strikes = [float(s) for s in options.strikes(self.venue.exchange.prices[symbol].last)]
        told = [
            {"date": d.isoformat(), "contract_size": 100, "expiration_type": "weeklys", "strikes": {"strike": strikes}}
            for d in dates
        ]
        return Reply(200, {"expirations": render.rows(told, "expiration")})

    def strikes(self, request: Request) -> Reply:
        """Around the price."""
        symbol = self._underlying(request)
        need(request.params, "expiration")
        if not symbol:
            return Reply(200, {"strikes": None})
        found = [float(s) for s in options.strikes(self.venue.exchange.prices[symbol].last)]
        return Reply(200, {"strikes": render.rows(found, "strike")})

    def chains(self, request: Request) -> Reply:
        """All options of one date."""
        symbol, expires = self._underlying(request), day_in(request.params, "expiration")
        if expires is None:
            raise BadRequest("Invalid parameter, expiration: is required.")
        if not symbol or expires not in options.expiries(day_of(self.venue.now())):
            return Reply(200, {"options": None})
        names = [c.symbol for c in self._contracts(symbol, expires)]
        told = [self._quote(name, flag(request.params, "greeks")) for name in names if self.has(name)]
        return Reply(200, {"options": render.rows(told, "option")})

    def lookup(self, request: Request) -> Reply:
        """The symbols of all options."""
        symbol = self._underlying(request, "underlying")
        dates = options.expiries(day_of(self.venue.now())) if symbol else []
        names = [c.symbol for day in dates for c in self._contracts(symbol, day)]
        return Reply(200, {"symbols": [{"rootSymbol": symbol, "options": names}] if names else None})

    def _contracts(self, symbol: str, expires: date) -> list[options.Contract]:
        strikes = options.strikes(self.venue.exchange.prices[symbol].last)
        return [options.Contract(symbol, expires, kind, strike) for strike in strikes for kind in "CP"]


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
