"""The REST side: requests in, answers out. No I/O."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import unquote, urlencode

from connectors.simulators.polygon import chain as chains
from connectors.simulators.polygon.aggregates import Range, aggregates
from connectors.simulators.polygon.units import MILLION, NANOS, at, local, shown, weekdays_before
from connectors.simulators.polygon.vendor import Vendor
from connectors.simulators.request import Reply, Request

Json = dict[str, Any]
PRICING = "https://massive.com/pricing"
LAST_NBBO_HALF = MILLION // 200
COMPARED = {"gte": lambda a, b: a >= b, "gt": lambda a, b: a > b, "lte": lambda a, b: a <= b, "lt": lambda a, b: a < b}


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, words: str, name: str = "ERROR", field: str = "error") -> None:
        super().__init__(words)
        self.status, self.words, self.name, self.field = status, words, name, field


def answer(vendor: Vendor, request: Request) -> Reply:
    """Answer one request."""
    if request.method != "GET":
        return Reply(405, {"status": "ERROR", "error": "method not allowed"})
    request_id = hashlib.md5(f"{vendor.requests} {request.path}".encode(), usedforsecurity=False).hexdigest()
    try:
        _check_key(vendor, request)
        if not vendor.admit():
            raise Refusal(
                429, "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to "
                f"continue. {PRICING}",
            )  # fmt: skip
        found = route(request.path)
        if found is None:
            raise Refusal(404, "404 page not found", "NOT_FOUND", "message")
        body = found[1](vendor, request, *found[2])
    except Refusal as refusal:
        return Reply(
            refusal.status, {"status": refusal.name, "request_id": request_id, refusal.field: refusal.words}
        )
    if isinstance(body, dict) and "market" not in body:
        body = {"status": "DELAYED" if vendor.options.delayed else "OK", "request_id": request_id} | body
    return Reply(200, body)


def _check_key(vendor: Vendor, request: Request) -> None:
    given = request.headers.get("authorization", "").removeprefix("Bearer ") or request.params.get("apiKey", "")
    if not given:
        raise Refusal(401, "API Key was not provided")
    if not hmac.compare_digest(given.encode(), vendor.key.encode()):
        raise Refusal(401, "Unknown API Key")


def _entitled(vendor: Vendor, *names: str) -> None:
    if not vendor.includes(*names):
        words = f"You are not entitled to this data. Please upgrade your plan at {PRICING}"
        raise Refusal(403, words, "NOT_AUTHORIZED", "message")


# -- aggregates


def _aggs(vendor: Vendor, request: Request, ticker: str, multiplier: str, span: str, first: str, last: str) -> Json:
    _entitled(vendor, ticker)
    params = request.params
    try:
        wanted = Range.of(multiplier, span, first, last)
        limit = int(params.get("limit", 5000))
        if not 1 <= limit <= 50_000:
            raise ValueError(f"limit {limit}")
    except ValueError as error:
        raise Refusal(400, f"Could not parse the request: {error}") from None
    offset = _offset(params)
    rows, base, more = aggregates(vendor.tape, ticker, wanted, vendor.now(), offset, limit, params.get("sort", "asc"))
    index = ticker.startswith("I:")
    body: Json = {"ticker": ticker, "queryCount": base, "resultsCount": len(rows), "count": len(rows)}
    if not index:
        body["adjusted"] = params.get("adjusted", "true") == "true"
    if rows:
        body["results"] = rows
    if more:
        body["next_url"] = _next(request, offset + base)
    return body


# -- options


def _chain(vendor: Vendor, request: Request, underlying: str) -> Json:
    _entitled(vendor, underlying, "options")
    limit = _limit(request.params, 10, 250)
    rows = [(option, _contract_of(option)) for option in _options_of(vendor, underlying)]
    kept = [pair for pair in rows if _passes(pair[1], request.params)]
    kept.sort(key=lambda pair: pair[1][request.params.get("sort", "ticker")], reverse=_descending(request))
    page, more = _page(kept, request, limit)
    body: Json = {"results": [_snapshot(vendor, underlying, option) for option, _ in page]}
    return body | more


def _one_contract(vendor: Vendor, request: Request, underlying: str, ticker: str) -> Json:
    _entitled(vendor, underlying, ticker, "options")
    for option in _options_of(vendor, underlying):
        if option.ticker == ticker:
            return {"results": _snapshot(vendor, underlying, option)}
    raise Refusal(404, "Options contract not found.", "NOT_FOUND", "message")


def _contracts(vendor: Vendor, request: Request) -> Json:
    params = request.params
    wanted = params.get("underlying_ticker")
    found: list[Json] = []
    for underlying in vendor.tape.tickers:
        name = underlying.removeprefix("I:")
        if wanted in (None, name) and not underlying.startswith("O:"):
            for option in _options_of(vendor, underlying):
                found.append(
                    _contract_of(option) | {"cfi": "OCASPS", "primary_exchange": "BATO", "underlying_ticker": name}
                )
    kept = [row for row in found if _passes(row, params)]
    kept.sort(key=lambda row: str(row["ticker"]), reverse=_descending(request))
    page, more = _page(kept, request, _limit(params, 10, 1000))
    return {"results": page} | more


def _options_of(vendor: Vendor, underlying: str) -> Iterable[chains.Option]:
    now = vendor.now()
    last = vendor.tape.last(underlying, now)
    if last is None:
        return []
    day = local(now).date()
    today = vendor.tape.minutes(underlying, at(day, 0), now)
    anchor = (today[0].open if today else last.close) / MILLION
    return chains.chain(underlying, last.close / MILLION, anchor, now, day, vendor.options.seed)


def _contract_of(option: chains.Option) -> Json:
    strike = int(option.strike) if option.strike == int(option.strike) else option.strike
    return {
        "contract_type": option.kind,
        "exercise_style": "american",
        "expiration_date": option.expiration.isoformat(),
        "shares_per_contract": 100,
        "strike_price": strike,
        "ticker": option.ticker,
    }


def _snapshot(vendor: Vendor, underlying: str, option: chains.Option) -> Json:
    now, last = vendor.now(), vendor.tape.last(underlying, vendor.now())
    assert last is not None
    index, value = underlying.startswith("I:"), shown(last.close)
    sign = 1 if option.kind == "call" else -1
    even = option.strike + sign * option.price
    body: Json = {
        "break_even_price": round(even, 4),
        "day": _day(option, now),
        "details": _contract_of(option),
        "open_interest": option.open_interest,
        "underlying_asset": {
            "ticker": underlying,
            "value" if index else "price": value,
            "change_to_break_even": round(even - value, 4),
            "last_updated": now,
            "timeframe": "DELAYED" if vendor.options.delayed else "REAL-TIME",
        },
    }
    if abs(option.delta) <= chains.DEEP:
        body["greeks"] = {name: round(getattr(option, name), 6) for name in ("delta", "gamma", "theta", "vega")}
        body["implied_volatility"] = option.volatility
    if vendor.options.quotes and vendor.includes("Q"):
        body["last_quote"] = {
            "ask": option.ask, "ask_size": 10, "bid": option.bid, "bid_size": 10, "last_updated": now,
            "midpoint": round((option.ask + option.bid) / 2, 4), "timeframe": "REAL-TIME",
        }  # fmt: skip
    return body


def _day(option: chains.Option, now: int) -> Json:
    """The last day on which the contract traded: where it has not traded today, the weekday before."""
    before = weekdays_before(local(now).date() - timedelta(days=1), 1)[0]
    when, volume = (now, option.volume) if option.volume else (at(before, 16), option.open_interest // 10)
    price = option.price
    return {
        "volume": volume, "last_updated": when, "open": price, "high": price, "low": price, "close": price,
        "previous_close": price, "change": 0, "change_percent": 0, "vwap": price,
    }  # fmt: skip


def _passes(row: Json, params: dict[str, str]) -> bool:
    """Whether a contract is within ``strike_price`` and ``expiration_date``, exact or compared, and of the type."""
    for name, text in params.items():
        field, _, comparison = name.partition(".")
        if field not in ("strike_price", "expiration_date", "contract_type", "ticker"):
            continue
        try:
            wanted: Any = float(text) if field == "strike_price" else text
            if field == "expiration_date":
                date.fromisoformat(text)
        except ValueError:
            raise Refusal(400, f"Could not parse {name}: {text}") from None
        if comparison and comparison not in COMPARED:
            raise Refusal(400, f"Could not parse {name}")
        if not (COMPARED[comparison](row[field], wanted) if comparison else row[field] == wanted):
            return False
    return True


# -- the rest


def _tickers(vendor: Vendor, request: Request) -> Json:
    params = request.params
    rows = [_ticker(ticker) for ticker in vendor.tape.tickers if not ticker.startswith("O:")]
    for name in ("ticker", "market"):
        rows = [row for row in rows if params.get(name) in (None, "", row[name])]
    word = params.get("search", "").lower()
    rows = [row for row in rows if word in row["name"].lower()]
    page, more = _page(rows, request, _limit(params, 100, 1000))
    return {"count": len(page), "results": page} | more


def _ticker(ticker: str) -> Json:
    row: Json = {"ticker": ticker, "name": f"Practice {ticker}", "active": True, "locale": "us"}
    if ticker.startswith("I:"):
        return row | {"market": "indices", "source_feed": "CMEMarketDataPlatform"}
    return row | {"market": "stocks", "type": "CS", "primary_exchange": "XNYS", "currency_name": "usd"}


def _status_now(vendor: Vendor, request: Request) -> Json:
    moment = local(vendor.now())
    minutes = moment.hour * 60 + moment.minute if moment.weekday() < 5 else -1
    early, after = 4 * 60 <= minutes < 570, 960 <= minutes < 20 * 60
    market = "open" if 570 <= minutes < 960 else "extended-hours" if early or after else "closed"
    return {
        "afterHours": after, "earlyHours": early, "market": market, "serverTime": moment.isoformat(),
        "currencies": {"crypto": "open", "fx": "open" if minutes >= 0 else "closed"},
        "exchanges": {"nasdaq": market, "nyse": market, "otc": market},
        "indicesGroups": {"s_and_p": "open" if market == "open" else "closed"},
    }  # fmt: skip


def _upcoming(vendor: Vendor, request: Request) -> list[Json]:
    return []


def _indices(vendor: Vendor, request: Request) -> Json:
    wanted = request.params.get("ticker.any_of", "").split(",")
    rows = [_index(vendor, ticker) for ticker in dict.fromkeys(wanted) if ticker]
    page, more = _page(rows, request, _limit(request.params, 10, 250))
    return {"results": page} | more


def _index(vendor: Vendor, ticker: str) -> Json:
    if not vendor.includes(ticker):
        return {"ticker": ticker, "error": "NOT_ENTITLED", "message": "Not entitled to this ticker."}
    last = vendor.tape.last(ticker, vendor.now()) if ticker.startswith("I:") else None
    if last is None:
        return {"ticker": ticker, "error": "NOT_FOUND", "message": "Ticker not found."}
    return {
        "ticker": ticker, "name": f"Practice {ticker}", "type": "indices", "value": shown(last.close),
        "last_updated": last.start + NANOS, "market_status": "open", "timeframe": "REAL-TIME",
    }  # fmt: skip


def _nbbo(vendor: Vendor, request: Request, ticker: str) -> Json:
    _entitled(vendor, ticker, "Q")
    last = vendor.tape.last(ticker, vendor.now())
    if last is None:
        raise Refusal(404, "Ticker not found.", "NOT_FOUND", "message")
    bid, ask = shown(last.close - LAST_NBBO_HALF * 2), shown(last.close + LAST_NBBO_HALF * 2)
    when = last.start + NANOS
    return {"results": {"T": ticker, "P": ask, "S": 3, "X": 11, "p": bid, "s": 2, "x": 12, "t": when, "y": when, "z": 1,
                        "q": when // NANOS}}  # fmt: skip


def _last_trade(vendor: Vendor, request: Request, ticker: str) -> Json:
    _entitled(vendor, ticker, "T")
    last = vendor.tape.last(ticker, vendor.now())
    if last is None:
        raise Refusal(404, "Ticker not found.", "NOT_FOUND", "message")
    when = last.start + NANOS
    size = shown(last.volume or 0)
    return {"results": {"T": ticker, "c": [37], "i": str(when), "p": shown(last.close), "q": when // NANOS, "s": size,
                        "t": when, "x": 4, "y": when, "z": 1}}  # fmt: skip


# -- lists


def _limit(params: dict[str, str], default: int, most: int) -> int:
    text = params.get("limit", str(default))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise Refusal(400, f"Could not parse limit: must be from 1 to {most}")
    return int(text)


def _descending(request: Request) -> bool:
    return request.params.get("order") == "desc"


def _offset(params: dict[str, str]) -> int:
    cursor = params.get("cursor")
    if cursor is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor.encode()).decode().removeprefix("offset="))
    except (ValueError, binascii.Error):
        raise Refusal(400, "Could not parse cursor") from None


def _next(request: Request, offset: int) -> str:
    """The address of the next page. It carries no key."""
    params = {name: value for name, value in request.params.items() if name not in ("apiKey", "cursor")}
    params["cursor"] = base64.urlsafe_b64encode(f"offset={offset}".encode()).decode()
    return f"http://{request.host}{request.path}?{urlencode(params)}"


def _page(rows: Sequence[Any], request: Request, limit: int) -> tuple[list[Any], Json]:
    offset = _offset(request.params)
    page = list(rows[offset : offset + limit])
    more = offset + limit < len(rows)
    return page, {"next_url": _next(request, offset + limit)} if more else {}


Handler = Callable[..., Any]
_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("aggs", r"/v2/aggs/ticker/([^/]+)/range/([^/]+)/([^/]+)/([^/]+)/([^/]+)", _aggs),
    ("chain", r"/v3/snapshot/options/([^/]+)", _chain),
    ("contract", r"/v3/snapshot/options/([^/]+)/([^/]+)", _one_contract),
    ("contracts", r"/v3/reference/options/contracts", _contracts),
    ("tickers", r"/v3/reference/tickers", _tickers),
    ("status", r"/v1/marketstatus/now", _status_now),
    ("status", r"/v1/marketstatus/upcoming", _upcoming),
    ("indices", r"/v3/snapshot/indices", _indices),
    ("nbbo", r"/v2/last/nbbo/([^/]+)", _nbbo),
    ("trade", r"/v2/last/trade/([^/]+)", _last_trade),
)
_COMPILED = tuple((name, re.compile(pattern), handler) for name, pattern, handler in _ROUTES)


def route(path: str) -> tuple[str, Handler, tuple[str, ...]] | None:
    """The name of a request, what answers it, and the parts of its path."""
    for name, pattern, handler in _COMPILED:
        match = pattern.fullmatch(path)
        if match:
            return name, handler, tuple(unquote(part) for part in match.groups())
    return None
