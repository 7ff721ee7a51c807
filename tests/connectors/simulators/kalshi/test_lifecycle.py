"""Markets open, pause, close and settle; the exchange pauses; what may be done when."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.simulators.kalshi.clock import SteppedClock
from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.units import NANOS, parse_time
from connectors.simulators.kalshi.server import Practice, Setup
from connectors.simulators.kalshi.upkeep import Maintenance
from connectors.simulators.kalshi.upkeep import weekly as weekly_window
from connectors.simulators.kalshi.venue import Options
from connectors.simulators.request import Reply

A, B, TENNIS = "KXT-26NOV02-A", "KXT-26NOV02-B", "KXATPMATCH-26NOV02ABC-A"
DAY = 86_400


def code(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.body["error"]["code"]


def status(api: Any, ticker: str = A) -> str:
    return str(api.get(f"/markets/{ticker}")["market"]["status"])


def test_a_market_opens_by_itself_without_a_message(ann: Any, practice: Practice) -> None:
    later = {"ticker": "KXT-26NOV02-C", "event_ticker": "KXT-26NOV02", "open_time": "2026-11-02T16:00:00Z"}
    practice.app.control._list({"markets": [later]})
    assert status(ann, later["ticker"]) == "initialized"
    assert [m["ticker"] for m in ann.get("/markets", status="unopened")["markets"]] == [later["ticker"]]
    assert code(ann.place("bid", "0.5", "1", ticker=later["ticker"])) == (409, "market_inactive")
    ann.pass_time(3600)
    assert status(ann, later["ticker"]) == "active"
    assert ann.place("bid", "0.5", "1", ticker=later["ticker"]).status == 201


def test_a_pause_cancels_who_asked_for_it_and_the_end_of_it_everyone(ann: Any, practice: Practice) -> None:
    stays = ann.placed("bid", "0.30", "1")["order_id"]
    goes = ann.placed("bid", "0.30", "1", cancel_order_on_pause=True)["order_id"]
    practice.venue.exchange.pause(A, practice.venue.now())
    practice.venue.settle_up()
    assert [ann.order(i)["status"] for i in (stays, goes)] == ["resting", "canceled"]
    assert code(ann.place("bid", "0.30", "1")) == (409, "market_inactive")
    assert [m["ticker"] for m in ann.get("/markets", status="paused")["markets"]] == [A]
    second = ann.placed("bid", "0.30", "1", ticker=B)["order_id"]
    practice.venue.exchange.resume(A, practice.venue.now())
    practice.venue.settle_up()
    assert ann.order(stays)["status"] == "canceled" and ann.order(second)["status"] == "resting"
    assert ann.place("bid", "0.30", "1").status == 201


def test_orders_may_be_cancelled_during_a_pause(ann: Any, practice: Practice) -> None:
    mine = ann.placed("bid", "0.30", "1")["order_id"]
    practice.venue.exchange.pause(A, practice.venue.now())
    assert ann.ask("DELETE", f"/portfolio/events/orders/{mine}").status == 200


def test_after_the_close_nothing_moves_and_resting_orders_go_a_little_later(ann: Any) -> None:
    mine = ann.placed("bid", "0.30", "1")["order_id"]
    ann.pass_time(DAY)
    assert status(ann) == "closed"
    assert code(ann.place("bid", "0.30", "1")) == (409, "market_closed")
    assert code(ann.ask("DELETE", f"/portfolio/events/orders/{mine}")) == (409, "market_closed")
    ann.pass_time(1)
    assert ann.order(mine)["status"] == "canceled"
    assert code(ann.ask("DELETE", f"/portfolio/events/orders/{mine}")) == (404, "not_found")
    assert ann.balance() == "4000.0000"


def test_a_result_closes_early_where_that_is_allowed(ann: Any, practice: Practice) -> None:
    exchange, now = practice.venue.exchange, practice.venue.now()
    practice.venue.floor.markets[B].can_close_early = False
    with pytest.raises(VenueError, match="cannot close early"):
        exchange.determine(B, "yes", now)
    assert status(ann, B) == "active"
    mine = ann.placed("bid", "0.30", "1", ticker=TENNIS)["order_id"]
    exchange.determine(TENNIS, "no", now)
    practice.venue.settle_up()
    shown = ann.get(f"/markets/{TENNIS}")["market"]
    assert (shown["status"], shown["result"], shown["settlement_value_dollars"]) == ("determined", "no", "0.0000")
    assert shown["close_time"] == "2026-11-02T15:00:00Z"
    assert ann.order(mine)["status"] == "canceled"


def test_a_dispute_stops_settlement_until_the_amended_result(ann: Any, bob: Any, practice: Practice) -> None:
    exchange = practice.venue.exchange
    bob.placed("ask", "0.50", "10")
    ann.placed("bid", "0.50", "10")
    exchange.determine(A, "yes", practice.venue.now())
    exchange.dispute(A, practice.venue.now())
    ann.pass_time(600)
    assert status(ann) == "disputed" and ann.get("/portfolio/settlements")["settlements"] == []
    exchange.determine(A, "no", practice.venue.now())
    assert status(ann) == "amended"
    ann.pass_time(60)
    assert status(ann) == "finalized"
    assert ann.get("/portfolio/settlements")["settlements"][0]["revenue"] == 0
    assert bob.get("/portfolio/settlements")["settlements"][0]["revenue"] == 1000


def test_settled_positions_are_listed_apart(ann: Any, bob: Any, practice: Practice) -> None:
    bob.placed("ask", "0.50", "10")
    ann.placed("bid", "0.50", "10")
    practice.venue.exchange.determine(A, "yes", practice.venue.now())
    ann.pass_time(60)
    assert ann.get("/portfolio/positions")["market_positions"] == []
    settled = ann.get("/portfolio/positions", settlement_status="settled")["market_positions"]
    assert [(p["ticker"], p["realized_pnl_dollars"]) for p in settled] == [(A, "5.000000")]


def test_a_trading_pause_stops_orders_and_lets_cancels_through(ann: Any, practice: Practice) -> None:
    mine = ann.placed("bid", "0.30", "2")["order_id"]
    on_pause = ann.placed("bid", "0.30", "2", cancel_order_on_pause=True)["order_id"]
    practice.venue.exchange.set_exchange(practice.venue.now(), trading=False)
    shown = ann.get("/exchange/status")
    assert (shown["exchange_active"], shown["trading_active"]) == (True, False)
    assert ann.order(on_pause)["status"] == "canceled"
    assert code(ann.place("bid", "0.30", "1")) == (409, "trading_paused")
    amendment = {"ticker": A, "side": "bid", "price": "0.30", "count": "1"}
    assert code(ann.ask("POST", f"/portfolio/events/orders/{mine}/amend", amendment)) == (409, "trading_paused")
    assert ann.ask("DELETE", f"/portfolio/events/orders/{mine}").status == 200


def test_maintenance_stops_everything_for_its_time(ann: Any, practice: Practice) -> None:
    mine = ann.placed("bid", "0.30", "2")["order_id"]
    start = practice.venue.now() + 60 * NANOS
    practice.venue.announce(Maintenance(start, start + 3600 * NANOS, exchange=True))
    ann.pass_time(60)
    shown = ann.get("/exchange/status")
    assert (shown["exchange_active"], shown["trading_active"]) == (False, False)
    assert shown["exchange_estimated_resume_time"] == "2026-11-02T16:01:00Z"
    assert code(ann.ask("DELETE", f"/portfolio/events/orders/{mine}")) == (503, "exchange_paused")
    assert code(ann.place("bid", "0.30", "1")) == (503, "exchange_paused")
    ann.pass_time(3600)
    assert ann.get("/exchange/status")["trading_active"]
    assert ann.ask("DELETE", f"/portfolio/events/orders/{mine}").status == 200


def test_one_shard_can_pause_alone(ann: Any, practice: Practice) -> None:
    practice.venue.exchange.set_exchange(practice.venue.now(), trading=False, shard=3)
    assert ann.place("bid", "0.30", "1", ticker=TENNIS).status == 409
    assert ann.place("bid", "0.30", "1", ticker=A).status == 201
    shards = ann.get("/exchange/status")["exchange_index_statuses"]
    by_shard = {shard["exchange_index"]: shard["trading_active"] for shard in shards}
    assert by_shard == {0: True, 1: True, 2: True, 3: False}


def test_a_grid_can_change_while_the_market_trades(ann: Any, practice: Practice) -> None:
    assert ann.place("bid", "0.305", "1").status == 400
    practice.app.control._market({"ticker": A, "do": "structure", "to": "deci_cent"})
    assert ann.place("bid", "0.305", "1").status == 201
    shown = ann.get(f"/markets/{A}")["market"]
    assert shown["price_ranges"] == [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}]


@pytest.mark.parametrize(("price", "taken"), [("0.055", 201), ("0.555", 400), ("0.955", 201), ("0.9555", 400)])
def test_tapered_grids_are_finer_at_the_ends(ann: Any, price: str, taken: int) -> None:
    assert ann.place("bid", price, "1", ticker=B).status == taken


# The weekly window


@pytest.fixture
def weekly(ann: Any) -> Any:
    """A client of an exchange with weekly maintenance, on the Wednesday evening before."""
    options = Options(seed=1, unlimited=True, weekly_maintenance=True)
    clock = SteppedClock(parse_time("2026-11-04T23:00:00Z"))
    listed = {"markets": [{"ticker": A, "event_ticker": "KXT-26NOV02", "status": "active"}]}
    practice = Practice(Setup(options, clock, listed, trader_rate=0))
    return type(ann)(practice, practice.make_key("ed25519"))


def exchange_status(api: Any) -> tuple[bool, bool, str | None]:
    shown = api.get("/exchange/status")
    return shown["exchange_active"], shown["trading_active"], shown.get("exchange_estimated_resume_time")


def test_every_thursday_trading_pauses_for_two_hours(weekly: Any) -> None:
    plan = weekly.get("/exchange/schedule")["schedule"]
    assert plan["standard_hours"][0]["thursday"][0]["close_time"] == "03:00"
    # New York is five hours behind in November.
    window = {"start_datetime": "2026-11-05T08:00:00Z", "end_datetime": "2026-11-05T10:00:00Z"}
    assert plan["maintenance_windows"][0] == window
    stays = weekly.placed("bid", "0.30", "1")["order_id"]
    goes = weekly.placed("bid", "0.30", "1", cancel_order_on_pause=True)["order_id"]
    asked = weekly.ask("POST", "/communications/rfqs", {"market_ticker": A, "contracts": 1, "rest_remainder": False})
    assert asked.status == 201
    weekly.pass_time(9 * 3600 + 1)
    assert exchange_status(weekly) == (True, False, "2026-11-05T10:00:00Z")
    assert code(weekly.place("bid", "0.30", "1")) == (409, "trading_paused")
    amendment = {"ticker": A, "side": "bid", "price": "0.31", "count": "1"}
    assert code(weekly.ask("POST", f"/portfolio/events/orders/{stays}/amend", amendment)) == (409, "trading_paused")
    assert (weekly.order(stays)["status"], weekly.order(goes)["status"]) == ("resting", "canceled")
    assert weekly.ask("DELETE", f"/portfolio/events/orders/{stays}").status == 200
    weekly.pass_time(2 * 3600)
    assert exchange_status(weekly) == (True, True, None)
    weekly.placed("bid", "0.30", "1")


def test_a_window_that_lies_within_one_step_has_happened(weekly: Any) -> None:
    goes = weekly.placed("bid", "0.30", "1", cancel_order_on_pause=True)["order_id"]
    weekly.pass_time(12 * 3600)
    assert weekly.order(goes)["status"] == "canceled"
    cancelled = parse_time("2026-11-05T08:00:00Z")
    assert parse_time(weekly.order(goes)["last_update_time"]) == cancelled
    assert exchange_status(weekly)[1]


def test_the_window_follows_new_york_through_the_year() -> None:
    summer, winter = (weekly_window(parse_time(text)) for text in ("2026-07-07T00:00:00Z", "2026-12-10T07:59:00Z"))
    assert summer.start_ns == parse_time("2026-07-09T07:00:00Z")
    assert winter.start_ns == parse_time("2026-12-10T08:00:00Z")
    assert winter.end_ns - winter.start_ns == 2 * 3600 * NANOS


def test_an_exchange_that_starts_within_the_window_is_paused(ann: Any) -> None:
    options = Options(seed=1, unlimited=True, weekly_maintenance=True)
    practice = Practice(Setup(options, SteppedClock(parse_time("2026-11-05T09:00:00Z")), trader_rate=0.01))
    api = type(ann)(practice, practice.make_key("ed25519"))
    assert exchange_status(api) == (True, False, "2026-11-05T10:00:00Z")
    assert all(market.book.bid for market in practice.venue.floor.markets.values())  # the books were there before
    api.pass_time(3600)
    assert exchange_status(api)[1]


def test_maintenance_is_the_one_thing_that_turns_the_clock_back(weekly: Any, connect: Any) -> None:
    client = type(connect(weekly))(weekly.practice, weekly)
    client.send("subscribe", channels=["orderbook_delta"], market_ticker=A)
    for price in ("0.30", "0.31", "0.32"):
        weekly.placed("bid", price, "1")
    weekly.pass_time(12 * 3600)
    weekly.placed("bid", "0.33", "1")
    clocks = [msg["clock"] for msg in client.of("orderbook_delta")]
    assert clocks[:3] == sorted(clocks[:3]) and clocks[3] < clocks[2]


def test_without_maintenance_the_schedule_has_no_gap(ann: Any) -> None:
    plan = ann.get("/exchange/schedule")["schedule"]
    assert len(plan["standard_hours"][0]["thursday"]) == 1 and plan["maintenance_windows"] == []


def test_nothing_moves_between_shards_while_the_exchange_is_down(ann: Any, practice: Practice) -> None:
    practice.venue.exchange.set_exchange(practice.venue.now(), active=False)
    lane = "event_contract"
    body = {"source": lane, "destination": lane, "amount": 5000, "destination_exchange_shard": 3}
    assert code(ann.ask("POST", "/portfolio/intra_exchange_instance_transfer", body)) == (503, "exchange_paused")
