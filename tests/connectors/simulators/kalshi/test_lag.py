"""Reads of the portfolio are behind: what a client sees just after it has written."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.simulators.kalshi.core.units import MILLIS
from connectors.simulators.kalshi.server import Practice

A = "KXT-26NOV02-A"


@pytest.fixture(autouse=True)
def lag(practice: Practice) -> None:
    practice.venue.published.lag_ns = 500 * MILLIS


def test_a_cancelled_order_still_rests_for_readers(ann: Any) -> None:
    """As recorded: 360 ms after the cancel the order says resting, and another cancel says 404."""
    mine = ann.placed("bid", "0.30", "1")["order_id"]
    assert ann.ask("GET", f"/portfolio/orders/{mine}").status == 404  # not even there yet
    ann.pass_time(1)
    ann.ask("DELETE", f"/portfolio/events/orders/{mine}")
    ann.pass_time(0.36)
    assert ann.order(mine)["status"] == "resting"
    assert ann.ask("DELETE", f"/portfolio/events/orders/{mine}").status == 404
    ann.pass_time(0.14)
    assert ann.order(mine)["status"] == "canceled"


def test_fills_positions_and_money_arrive_together_later(ann: Any, bob: Any) -> None:
    bob.placed("ask", "0.50", "1")
    ann.pass_time(1)
    ann.placed("bid", "0.50", "1")
    assert (ann.balance(), ann.position(), ann.get("/portfolio/fills")["fills"]) == ("4000.0000", "0.00", [])
    ann.pass_time(0.5)
    assert (ann.balance(), ann.position()) == ("3999.4825", "1.00")
    assert len(ann.get("/portfolio/fills")["fills"]) == 1


def test_the_data_timestamp_says_how_far_reads_have_come(ann: Any) -> None:
    ann.pass_time(10)
    assert ann.get("/exchange/user_data_timestamp")["as_of_time"] == "2026-11-02T15:00:09.5Z"


def test_books_and_queues_do_not_lag(ann: Any) -> None:
    mine = ann.placed("bid", "0.30", "1")["order_id"]
    assert ann.get(f"/markets/{A}/orderbook")["orderbook_fp"]["yes_dollars"] == [["0.3000", "1.00"]]
    assert ann.get(f"/portfolio/orders/{mine}/queue_position")["queue_position_fp"] == "0.00"
