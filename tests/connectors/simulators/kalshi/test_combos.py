"""Combos: what may be combined, what they come to, where they are listed; and what surrounds markets."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.simulators.kalshi.clock import SteppedClock
from connectors.simulators.kalshi.core.units import parse_time
from connectors.simulators.kalshi.scenario import ScenarioError
from connectors.simulators.kalshi.server import Practice, Setup
from connectors.simulators.kalshi.venue import Options

A, B, TENNIS = "KXT-26NOV02-A", "KXT-26NOV02-B", "KXATPMATCH-26NOV02ABC-A"
COLLECTION = {
    "markets": [],
    "series": [{"ticker": "KXMVE", "fee_type": "quadratic_with_combo_maker_fees"}],
    "collections": [
        {
            "collection_ticker": "KXMVE-R", "series_ticker": "KXMVE", "close_date": "2026-11-03T15:00:00Z",
            "associated_events": [
                {"ticker": "KXT-26NOV02", "size_max": 1}, {"ticker": "KXATPMATCH-26NOV02ABC", "is_yes_only": True},
            ],
        }
    ],
}  # fmt: skip


@pytest.fixture(autouse=True)
def collection(practice: Practice) -> None:
    practice.app.control._list(COLLECTION)


def leg(ticker: str, side: str = "yes") -> dict[str, str]:
    return {"event_ticker": ticker.rpartition("-")[0], "market_ticker": ticker, "side": side}


def made(api: Any, *legs: dict[str, str], status: int = 200) -> str:
    body = {"selected_markets": list(legs)}
    reply = api.ask("POST", "/multivariate_event_collections/KXMVE-R", body)
    assert reply.status == status, reply
    return str(reply.body.get("market_ticker"))


def test_the_same_legs_are_the_same_market_in_any_order(ann: Any, bob: Any) -> None:
    first = made(ann, leg(A), leg(TENNIS))
    assert made(bob, leg(TENNIS), leg(A)) == first
    other = made(ann, leg(A, "no"), leg(TENNIS))
    assert other != first
    shown = ann.get(f"/markets/{first}")["market"]
    assert shown["mve_collection_ticker"] == "KXMVE-R"
    assert [(part["market_ticker"], part["side"]) for part in shown["mve_selected_legs"]] == [
        (TENNIS, "yes"), (A, "yes"),
    ]  # fmt: skip
    assert shown["price_level_structure"] == "center_deci_edge_centi_cent"
    # Both selections are of the same events, so they share one.
    assert len(ann.get("/events/multivariate")["events"]) == 1


@pytest.mark.parametrize(
    "legs",
    [
        [leg(A)],  # too few
        [leg(A), leg(B)],  # two of an event that takes one
        [leg(A), leg(TENNIS, "no")],  # yes only
        [leg(A), leg(A)],
        [leg(A), leg("KXNONE-1-A")],
        [leg(A), {**leg(TENNIS), "event_ticker": "KXT-26NOV02"}],
        [leg(A), {**leg(TENNIS), "side": "maybe"}],
    ],
)
def test_legs_that_do_not_go_together(ann: Any, legs: list[dict[str, str]]) -> None:
    made(ann, *legs, status=400)
    assert ann.get("/markets", mve_filter="only")["markets"] == []


def test_a_collection_that_is_over_makes_nothing_more(ann: Any) -> None:
    ann.pass_time(86_400)
    assert ann.get("/multivariate_event_collections", status="closed")["multivariate_contracts"]
    made(ann, leg(A), leg(TENNIS), status=400)


@pytest.mark.parametrize(
    ("results", "shown", "pays"),
    [
        ([(A, "yes", None), (TENNIS, "yes", None)], "yes", "1.0000"),
        ([(A, "yes", None), (TENNIS, "no", None)], "no", "0.0000"),
        ([(A, "no", None)], "no", "0.0000"),  # one lost leg is enough
        ([(A, "scalar", 5_000), (TENNIS, "scalar", 2_500)], "scalar", "0.1250"),
        ([(A, "yes", None)], "", None),
    ],
)
def test_a_combo_comes_to_what_its_legs_come_to(
    practice: Practice, ann: Any, bob: Any, results: Any, shown: str, pays: str | None
) -> None:
    combo = made(ann, leg(A), leg(TENNIS))
    ann.placed("bid", "0.3", "10", combo)
    bob.placed("ask", "0.3", "10", combo)
    for ticker, result, value in results:
        practice.venue.exchange.determine(ticker, result, practice.venue.now(), value)
    ann.pass_time(60)
    market = ann.get(f"/markets/{combo}")["market"]
    assert (market["result"], market.get("settlement_value_dollars")) == (shown, pays)
    ann.pass_time(60)
    accounts = practice.venue.exchange.accounts
    assert sum(accounts.cash.values()) + accounts.house + accounts.fees == accounts.deposited
    assert (ann.get("/portfolio/settlements")["settlements"] != []) == bool(shown)
    settled = [part.get("yes_settlement_value_dollars") for part in market["mve_selected_legs"]]
    assert sum(value is not None for value in settled) == len(results)


def test_a_disputed_leg_holds_its_combos_back(practice: Practice, ann: Any) -> None:
    combo = made(ann, leg(A), leg(TENNIS))
    exchange = practice.venue.exchange
    exchange.determine(A, "no", practice.venue.now())
    exchange.dispute(A, practice.venue.now())
    ann.pass_time(600)
    assert ann.get(f"/markets/{combo}")["market"]["result"] == ""
    exchange.determine(A, "yes", practice.venue.now())
    exchange.determine(TENNIS, "yes", practice.venue.now())
    ann.pass_time(60)
    assert ann.get(f"/markets/{combo}")["market"]["result"] == "yes"


def test_makers_of_combos_pay_half_the_takers_fee(ann: Any, bob: Any) -> None:
    combo = made(ann, leg(A), leg(TENNIS))
    ann.placed("bid", "0.3", "10", combo)
    bob.placed("ask", "0.3", "10", combo)
    fees = [float(api.get("/portfolio/fills")["fills"][0]["fee_cost"]) for api in (ann, bob)]
    assert fees == [0.0735, 0.147]


def test_combos_have_lists_and_a_channel_of_their_own(connect: Any, ann: Any) -> None:
    client = connect(ann)
    client.send("subscribe", channels=["market_lifecycle_v2", "multivariate_market_lifecycle"])
    client.seen.clear()
    combo = made(ann, leg(A), leg(TENNIS))
    assert [(m["type"], m["sid"], m["seq"]) for m in client.seen] == [
        ("event_lifecycle", 2, 1), ("multivariate_market_lifecycle", 2, 2),
    ]  # fmt: skip
    event = ann.get(f"/markets/{combo}")["market"]["event_ticker"]
    assert event not in {e["event_ticker"] for e in ann.get("/events")["events"]}
    assert combo in {m["ticker"] for m in ann.get("/markets")["markets"]}
    assert combo not in {m["ticker"] for m in ann.get("/markets", mve_filter="exclude")["markets"]}
    assert [m["ticker"] for m in ann.get("/markets", mve_filter="only")["markets"]] == [combo]


def test_a_collection_of_what_is_not_listed_is_named() -> None:
    bad = {
        "markets": [],
        "series": [{"ticker": "S"}],
        "collections": [
            {"collection_ticker": "S-R", "series_ticker": "S", "associated_events": [{"ticker": "GONE"}]},
        ],
    }
    with pytest.raises(ScenarioError, match=r"S-R.*GONE"):
        Practice(Setup(clock=SteppedClock(0), markets=bad))


# What surrounds markets


def test_a_match_goes_from_scheduled_to_live_to_closed(ann: Any) -> None:
    start = parse_time("2026-11-02T15:00:00Z")
    practice = Practice(Setup(Options(seed=3, unlimited=True), SteppedClock(start), trader_rate=0.01))
    api = type(ann)(practice, practice.make_key("ed25519"))
    match = api.get("/milestones", limit=1, category="Sports", competition="Practice Open")["milestones"][0]

    def live() -> Any:
        return api.get(f"/live_data/milestone/{match['id']}")["live_data"]["details"]

    assert live() == {"status": "scheduled"}
    api.pass_time(2 * 3600)
    assert live() == {"status": "live"}
    api.pass_time(2 * 3600)
    event = match["primary_event_tickers"][0]
    players = {m["yes_sub_title"] for m in api.get("/markets", event_ticker=event)["markets"]}
    assert live()["status"] == "closed" and live()["winner"] in players
    for market in api.get("/markets", event_ticker=event)["markets"]:
        target = api.get(f"/structured_targets/{market['custom_strike']['tennis_competitor']}")["structured_target"]
        assert target["name"] == market["yes_sub_title"]
    assert api.get("/search/filters_by_sport")["sport_ordering"] == ["Tennis"]


def test_a_forecast_lies_where_the_strikes_prices_say(practice: Practice, ann: Any) -> None:
    strikes = ((6800, "0.74", "0.24"), (6900, "0.49", "0.49"), (7000, "0.24", "0.74"))
    markets = [
        {
            "ticker": f"KXINXU-1-T{strike}", "event_ticker": "KXINXU-1", "status": "active", "floor_strike": strike,
            "strike_type": "greater", "orderbook_fp": {"yes_dollars": [[yes, "5"]], "no_dollars": [[no, "5"]]},
        }
        for strike, yes, no in strikes
    ]  # fmt: skip
    practice.app.control._list({"markets": markets})
    ann.pass_time(120)
    now = practice.venue.now() // 10**9
    query = {"start_ts": now - 600, "end_ts": now, "period_interval": 1, "percentiles": [2500, 5000, 7500, 100]}
    path = "/series/KXINXU/events/KXINXU-1/forecast_percentile_history"
    points = ann.get(path, **query)["forecast_history"][-1]["percentile_points"]
    assert [point["numerical_forecast"] for point in points] == [6800, 6900, 7000, 6800]
    assert ann.get("/series/KXT/events/KXT-26NOV02/forecast_percentile_history", **query)["forecast_history"] == []
