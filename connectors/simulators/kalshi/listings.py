"""Made-up listings in the venue's shapes: tennis, an AI leaderboard, an index; or any number of plain markets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.simulators.kalshi.core.ids import Ids
from connectors.simulators.kalshi.core.units import NANOS, show_time

_IDS = Ids(0)  # people keep their ids whatever the seed
_HOUR = 3_600 * NANOS
_DAY = 24 * _HOUR
_TENNIS_RULES = (
    "If {name} wins the {title} professional tennis match after a ball has been played, then the market resolves to "
    "Yes."
)
_WALKOVER_RULES = (
    "If no ball is played, the market resolves to a fair price. If the match is postponed, the market stays open and "
    "closes after the match has finished, within two weeks."
)
_TOP_RULES = "If {name} has the top rank on the text leaderboard without style control, the market resolves to Yes."
_TAGS = {"Sports": ["Tennis"], "Science and Technology": ["AI"], "Financials": ["S&P"]}
_MATCHES = (
    ("KXATPMATCH", "Arnaud Delval", "Mateo Quiroga", "0.6200"),
    ("KXATPMATCH", "Jonas Halvorsen", "Ivo Petrak", "0.4700"),
    ("KXWTAMATCH", "Clara Winterhalt", "Mei Tanaka", "0.5400"),
)


def made_up(now: int) -> dict[str, Any]:
    """A small exchange of fifteen markets on two shards, dated from now."""
    document: dict[str, Any] = {"series": _all_series(), "events": [], "markets": []}
    for series, first, second, price in _MATCHES:
        _match(document, series, first, second, price, now)
    _leaderboard(document, "KXTOPMODEL", "Top AI model this week?", now + 3 * _DAY, "tapered_deci_cent", now)
    _leaderboard(document, "KXLLM1", "Best AI this month?", now + 12 * _DAY, "linear_cent", now)
    _index(document, now)
    _combos(document, now)
    return document


def practice(now: int) -> dict[str, Any]:
    """The made-up exchange with four plain markets beside, whose tickers are the same on every day."""
    document, plain = made_up(now), many(4, now)
    return {**document, **{name: [*document[name], *plain[name]] for name in ("series", "markets")}}


def many(count: int, now: int) -> dict[str, Any]:
    """As many independent markets as wanted, for load: KXPRACTICE-00000-YES and so on."""
    markets = [
        _market(f"KXPRACTICE-{number:05d}", "YES", f"Practice {number}", now + 30 * _DAY, f"0.{20 + number % 60}", now)
        for number in range(count)
    ]
    return {"series": [_series("KXPRACTICE", "Practice markets", "Practice", "quadratic", 1, 0)], "markets": markets}


def _series(ticker: str, title: str, category: str, fee_type: str, multiplier: float, shard: int) -> dict[str, Any]:
    return {
        "ticker": ticker, "title": title, "category": category, "categories": [category], "fee_type": fee_type,
        "fee_multiplier": multiplier, "exchange_index": shard, "tags": _TAGS.get(category, []),
    }  # fmt: skip


def _all_series() -> list[dict[str, Any]]:
    maker = "quadratic_with_maker_fees"
    return [
        _series("KXATPMATCH", "ATP tennis match", "Sports", maker, 1, 3),
        _series("KXWTAMATCH", "WTA tennis match", "Sports", maker, 1, 3),
        _series("KXTOPMODEL", "Top AI model", "Science and Technology", "quadratic", 1, 0),
        _series("KXLLM1", "Best AI", "Science and Technology", maker, 1, 0),
        _series("KXINXU", "S&P 500 above", "Financials", "quadratic", 0.5, 0),
        _series("KXMVEPRACTICE", "Practice combos", "Sports", "quadratic_with_combo_maker_fees", 1, 3),
    ]


def _date(now: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=now // NANOS)
    return moment.strftime("%y%b%d").upper()


def _market(event: str, code: str, name: str, close: int, price: str, now: int, **more: Any) -> dict[str, Any]:
    return {
        "ticker": f"{event}-{code}", "event_ticker": event, "status": "active", "yes_sub_title": name,
        "no_sub_title": name, "open_time": show_time(now - _DAY), "created_time": show_time(now - 2 * _DAY),
        "close_time": show_time(close), "latest_expiration_time": show_time(close), "last_price_dollars": price,
        "expected_expiration_time": show_time(close), "settlement_timer_seconds": 60, "can_close_early": True, **more,
    }  # fmt: skip


def _match(document: dict[str, Any], series: str, first: str, second: str, price: str, now: int) -> None:
    start = now + 2 * _HOUR
    codes = [name.split()[-1][:3].upper() for name in (first, second)]
    event = f"{series}-{_date(start)}{codes[0]}{codes[1]}"
    title = f"{first.split()[-1]} vs {second.split()[-1]}"
    document["events"].append(
        {
            "event_ticker": event,
            "series_ticker": series,
            "title": title,
            "sub_title": f"{title} ({_date(start)})",
            "collateral_return_type": "MECNET",
            "product_metadata": {"competition": "Practice Open", "competition_scope": "Games"},
        }
    )
    for code, name, opening in zip(codes, (first, second), (price, f"{1 - float(price):.4f}"), strict=True):
        document["markets"].append(
            _market(
                event,
                code,
                name,
                now + 14 * _DAY,
                opening,
                now,
                strike_type="structured",
                custom_strike={"tennis_competitor": _IDS.of("competitor", name)},
                rules_primary=_TENNIS_RULES.format(name=name, title=title),
                rules_secondary=_WALKOVER_RULES,
                occurrence_datetime=show_time(start),
                early_close_condition="This market will close and expire after a winner is declared.",
                title=f"Will {name} win the {title} match?",
            )
        )


def _leaderboard(document: dict[str, Any], series: str, title: str, close: int, structure: str, now: int) -> None:
    event = f"{series}-{_date(close)}"
    document["events"].append(
        {
            "event_ticker": event,
            "series_ticker": series,
            "title": title,
            "sub_title": _date(close),
            "collateral_return_type": "MECNET",
        }
    )
    for code, name, price in (("ARG", "Argus", "0.5500"), ("BOR", "Boreas", "0.2700"), ("CIR", "Circe", "0.0900")):
        document["markets"].append(
            _market(
                event,
                code,
                name,
                close,
                price,
                now,
                strike_type="custom",
                custom_strike={"model": name},
                price_level_structure=structure,
                rules_primary=_TOP_RULES.format(name=name),
            )
        )


def _index(document: dict[str, Any], now: int) -> None:
    close = now + 6 * _HOUR
    event = f"KXINXU-{_date(close)}H16"
    document["events"].append(
        {"event_ticker": event, "series_ticker": "KXINXU", "title": "S&P 500 today?", "sub_title": _date(close)}
    )
    for strike, price in ((6800, "0.7100"), (6825, "0.4800"), (6850, "0.2300")):
        document["markets"].append(
            _market(
                event,
                f"T{strike}",
                f"{strike:,} or above",
                close,
                price,
                now,
                strike_type="greater_or_equal",
                floor_strike=strike,
                price_level_structure="deci_cent",
                rules_primary=f"If the S&P 500 closes at or above {strike}, the market resolves to Yes.",
            )
        )


def _combos(document: dict[str, Any], now: int) -> None:
    """A collection of the matches: who wins, one player of each."""
    matches = [e["event_ticker"] for e in document["events"] if "product_metadata" in e]
    document["collections"] = [
        {
            "collection_ticker": "KXMVEPRACTICE-R", "series_ticker": "KXMVEPRACTICE", "title": "Practice matches",
            "description": "Winners of several matches", "open_date": show_time(now - _DAY),
            "close_date": show_time(now + 14 * _DAY), "size_min": 2, "size_max": len(matches),
            "associated_events": [{"ticker": ticker, "is_yes_only": False, "size_max": 1} for ticker in matches],
        }
    ]  # fmt: skip
