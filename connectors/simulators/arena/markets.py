"""Contracts on a recorded leaderboard as markets for the practice exchange, in the words of the venue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from connectors.arena.board import Board, Row
from connectors.arena.markets import NEW_YORK, TOP_MODEL, TOP_ORGANISATION
from connectors.arena.organisations import organisations
from engine.market.events import NANOS

MODELS = 10  # best models that a contract is listed for
NOISE = 0.06  # dollars about the chance that a price starts at
LEAST, MOST = 0.02, 0.97
_MODEL_RULES = "If {name} is the top-ranked AI model on {when}, then the market resolves to Yes."
_BRAND_RULES = "If {name} has the top-ranked AI model on {when}, then the market resolves to Yes."
_TIES = (
    "If two models are tied under Rank (UB), the one with the highest Arena Score wins; then the one with the most "
    "votes; then the one that was released earlier."
)


def arena_document(
    board: Board, chances: Mapping[str, float], check: datetime, now: datetime, seed: int, leader: Row | None = None
) -> dict[str, Any]:
    """A document for ``engine simulate kalshi --markets``: one event for the best models and one for their makers'
    brands, checked at ``check`` in New York. Prices start at ``chances`` with noise of ``seed``. ``leader``: who led at
    the check, where that is known: markets come to it, else chance decides."""
    random = Random(seed)
    brands = dict(_brands(board))
    of_brand = {
        brand: sum(chances.get(row.model, 0.0) for row in board.rows if row.organization.casefold() in orgs)
        for brand, orgs in brands.items()
    }
    return {
        "series": [_series(TOP_MODEL, "Top AI model"), _series(TOP_ORGANISATION, "Best AI")],
        "events": [_event(TOP_MODEL, "Top AI model this week?", check), _event(TOP_ORGANISATION, "Best AI?", check)],
        "markets": [
            *(
                _market(TOP_MODEL, f"M{place}", row.model, _MODEL_RULES, "Model",
                        _price(chances.get(row.model, 0.0), random), check, now,
                        None if leader is None else leader.model == row.model)
                for place, row in enumerate(board.rows[:MODELS], 1)
            ),
            *(
                _market(TOP_ORGANISATION, f"O{place}", brand, _BRAND_RULES, "Company",
                        _price(chance, random), check, now,
                        None if leader is None else leader.organization.casefold() in brands[brand])
                for place, (brand, chance) in enumerate(of_brand.items(), 1)
            ),
        ],
    }  # fmt: skip


def _brands(board: Board) -> Iterator[tuple[str, frozenset[str]]]:
    """Brands of the best models, the best first."""
    names = organisations()
    for row in board.rows[:MODELS]:
        found = names.brand_of(row.organization)
        if found is not None:
            yield found, names.behind(found) or frozenset()


def _price(chance: float, random: Random) -> float:
    return round(min(MOST, max(LEAST, chance + random.uniform(-NOISE, NOISE))), 2)


def _series(ticker: str, title: str) -> dict[str, Any]:
    category = "Science and Technology"
    return {
        "ticker": ticker, "title": title, "category": category, "categories": [category], "fee_type": "quadratic",
        "fee_multiplier": 1, "exchange_index": 0, "tags": ["AI"],
    }  # fmt: skip


def _code(series: str, check: datetime) -> str:
    return f"{series}-{check.astimezone(NEW_YORK).strftime('%y%b%d').upper()}"


def _event(series: str, title: str, check: datetime) -> dict[str, Any]:
    return {
        "event_ticker": _code(series, check), "series_ticker": series, "title": title, "sub_title": "",
        "collateral_return_type": "MECNET",
    }  # fmt: skip


def _market(
    series: str, code: str, name: str, rules: str, strike: str, price: float, check: datetime, now: datetime,
    won: bool | None,
) -> dict[str, Any]:  # fmt: skip
    local = check.astimezone(NEW_YORK)
    when = f"{local:%b} {local.day}, {local.year} at {local:%I:%M %p} ET"
    event = _code(series, check)
    result = {} if won is None else {"practice_result": "yes" if won else "no"}
    return {
        **result, "ticker": f"{event}-{code}", "event_ticker": event, "status": "initialized",
        "title": f"Will {name} lead?", "yes_sub_title": name, "no_sub_title": name,
        "rules_primary": rules.format(name=name, when=when),
        "rules_secondary": _TIES, "strike_type": "custom", "custom_strike": {strike: name},
        "open_time": _iso(now), "created_time": _iso(now - timedelta(days=1)),
        "close_time": _iso(check), "expected_expiration_time": _iso(check), "latest_expiration_time": _iso(check),
        "last_price_dollars": f"{price:.4f}", "settlement_timer_seconds": 60, "can_close_early": True,
        "price_level_structure": "linear_cent",
    }  # fmt: skip


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def next_check(now: datetime, days: int) -> datetime:
    """Ten o'clock in New York, so many days on."""
    local = (now + timedelta(days=days)).astimezone(NEW_YORK)
    return local.replace(hour=10, minute=0, second=0, microsecond=0)


def now_of(time_ns: int) -> datetime:
    """The moment of UTC nanoseconds."""
    return datetime.fromtimestamp(time_ns // NANOS, UTC)
