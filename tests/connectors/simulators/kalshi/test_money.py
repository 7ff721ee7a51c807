"""Fees, rounding, what resting orders hold back, netting of YES and NO, settlement."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from connectors.simulators.kalshi.core.fees import FREE, FeeTerms, round_balance, trade_fee
from connectors.simulators.kalshi.core.units import parse_money, show_money
from connectors.simulators.kalshi.server import Practice

A, B, TENNIS = "KXT-26NOV02-A", "KXT-26NOV02-B", "KXATPMATCH-26NOV02ABC-A"
IOC = "immediate_or_cancel"
PLAIN = FeeTerms("quadratic", Fraction(1))
WITH_MAKER = FeeTerms("quadratic_with_maker_fees", Fraction(1))
COMBO = FeeTerms("quadratic_with_combo_maker_fees", Fraction(1))
HALF = FeeTerms("quadratic", Fraction(1, 2))


@pytest.mark.parametrize(
    ("terms", "count", "price", "taker", "fee"),
    [
        (PLAIN, 100, 5200, True, "0.017500"),  # recorded
        (PLAIN, 100, 9900, True, "0.000700"),  # recorded
        (PLAIN, 10_000, 5000, True, "1.750000"),
        (PLAIN, 100, 5000, False, "0.000000"),
        (WITH_MAKER, 100, 5000, False, "0.004400"),  # 0.004375, up
        (COMBO, 100, 5000, False, "0.008800"),
        (HALF, 10_000, 5000, True, "0.875000"),
        (FREE, 10_000, 5000, True, "0.000000"),
        (PLAIN, 1, 1, True, "0.000100"),  # the least fee there is
    ],
)
def test_trade_fees(terms: FeeTerms, count: int, price: int, taker: bool, fee: str) -> None:
    assert show_money(trade_fee(terms, count, price, taker)) == fee


def test_rounding_takes_from_the_balance_and_gives_a_cent_back() -> None:
    """The vendor's page on rounding: three fills of 1 contract at 0.055 with a fee of 0.0085, whole cents."""
    gathered, paid = 0, []
    for _ in range(3):
        fee, gathered = round_balance(parse_money("-0.055"), parse_money("0.0085"), 10_000, gathered)
        paid.append(show_money(fee))
    # -0.0635 goes down to -0.07: 0.0065 taken, twice that is more than a cent, so one comes back.
    assert paid == ["0.015000", "0.005000", "0.015000"]
    assert show_money(gathered) == "0.009500"


def test_a_rebate_needs_more_than_a_cent() -> None:
    fee, gathered = round_balance(parse_money("-0.055"), parse_money("0"), 10_000, parse_money("0.005"))
    assert (show_money(fee), show_money(gathered)) == ("0.005000", "0.010000")


def test_resting_orders_hold_their_cost_back(ann: Any) -> None:
    mine = ann.placed("bid", "0.40", "10")["order_id"]
    ann.placed("ask", "0.90", "10")  # NO at 0.10
    assert ann.balance() == "3995.0000"
    ann.ask("DELETE", f"/portfolio/events/orders/{mine}")
    assert ann.balance() == "3999.0000"


def test_selling_what_is_held_needs_no_money(ann: Any, bob: Any, practice: Practice) -> None:
    bob.placed("ask", "0.50", "10")
    ann.placed("bid", "0.50", "10", time_in_force=IOC)
    before = ann.balance()
    ann.placed("ask", "0.60", "10")
    assert ann.balance() == before
    ann.placed("ask", "0.70", "10")  # this one would open NO
    assert ann.balance() != before


def test_money_is_per_shard(ann: Any) -> None:
    assert ann.place("bid", "0.99", "1000", ticker=A).status == 201
    assert ann.place("bid", "0.99", "20", ticker=A).body["error"]["code"] == "insufficient_balance"
    assert ann.place("bid", "0.99", "1000", ticker=TENNIS).status == 201


def test_what_can_no_longer_be_paid_for_is_cancelled_newest_first(ann: Any, bob: Any, practice: Practice) -> None:
    seen = []
    practice.venue.listen(seen.extend)
    first = ann.placed("bid", "0.40", "10")["order_id"]
    ann.pass_time(1)
    second = ann.placed("bid", "0.30", "10")["order_id"]
    practice.venue.exchange.deposit(ann.credentials.user, parse_money("-994"), practice.venue.now())
    bob.placed("ask", "0.40", "1")
    assert [ann.order(i)["status"] for i in (first, second)] == ["resting", "canceled"]
    assert "MarginCancel" in [n.order.reason for n in seen if hasattr(n, "order") and n.order.order_id == second]


def test_yes_and_no_cancel_out_for_a_dollar_a_pair(ann: Any, bob: Any) -> None:
    bob.placed("ask", "0.40", "10")
    ann.placed("bid", "0.40", "10", time_in_force=IOC)
    bob.placed("bid", "0.70", "4")
    ann.placed("ask", "0.70", "4", time_in_force=IOC)
    held = ann.get("/portfolio/positions")["market_positions"][0]
    assert (held["position_fp"], held["market_exposure_dollars"]) == ("6.00", "2.400000")
    assert held["realized_pnl_dollars"] == "1.200000"
    # 4.00 and 2.80 with fees of 0.168 and 0.0588
    assert ann.balance() == "3998.5732"
    assert ann.get(f"/markets/{A}")["market"]["open_interest_fp"] == "6.00"


def test_crossing_through_zero_leaves_the_other_side(ann: Any, bob: Any) -> None:
    bob.placed("ask", "0.40", "2")
    ann.placed("bid", "0.40", "2", time_in_force=IOC)
    bob.placed("bid", "0.50", "5")
    ann.placed("ask", "0.50", "5", time_in_force=IOC)
    held = ann.get("/portfolio/positions")["market_positions"][0]
    assert (held["position_fp"], held["market_exposure_dollars"]) == ("-3.00", "1.500000")
    assert held["realized_pnl_dollars"] == "0.200000"


@pytest.mark.parametrize(
    ("result", "value", "ann_gets", "bob_gets"),
    [("yes", None, "1000", "0"), ("no", None, "0", "1000"), ("scalar", 3_330, "333", "667")],
)
def test_settlement_pays_after_its_timer(
    ann: Any, bob: Any, practice: Practice, result: str, value: int | None, ann_gets: str, bob_gets: str
) -> None:
    bob.placed("ask", "0.40", "10")
    ann.placed("bid", "0.40", "10", time_in_force=IOC)
    before = {api.credentials.user: parse_money(api.balance()) for api in (ann, bob)}
    practice.venue.exchange.determine(A, result, practice.venue.now(), value)
    ann.pass_time(59)
    assert ann.get("/portfolio/settlements")["settlements"] == []
    ann.pass_time(1)
    for api, cents in ((ann, ann_gets), (bob, bob_gets)):
        record = api.get("/portfolio/settlements")["settlements"][0]
        assert record["revenue"] == int(cents) and record["market_result"] == result
        assert parse_money(api.balance()) - before[api.credentials.user] == int(cents) * 10_000
    market = ann.get(f"/markets/{A}")["market"]
    assert (market["status"], market["result"]) == ("finalized", result)
    accounts = practice.venue.exchange.accounts
    assert accounts.house == 0 and sum(accounts.cash.values()) + accounts.fees == accounts.deposited


def test_event_fees_override_the_series_and_waivers_win(ann: Any, bob: Any, practice: Practice) -> None:
    bob.placed("ask", "0.50", "10")
    practice.venue.exchange.set_event_fee("KXT-26NOV02", "quadratic_with_maker_fees", "2", practice.venue.now())
    done = ann.placed("bid", "0.50", "1", time_in_force=IOC)
    assert done["average_fee_paid"] == "0.0350"
    assert bob.get("/portfolio/fills")["fills"][0]["fee_cost"] == "0.008800"
    practice.venue.floor.markets[A].fee_waiver_ns = practice.venue.now() + 1
    assert ann.placed("bid", "0.50", "1", time_in_force=IOC)["average_fee_paid"] == "0.0000"


def test_transfers_happen_once(ann: Any) -> None:
    number = ann.ask("POST", "/portfolio/subaccounts", {}).body["subaccount_number"]
    move = {"client_transfer_id": "m", "from_subaccount": 0, "to_subaccount": number, "amount_cents": 1050}
    assert ann.ask("POST", "/portfolio/subaccounts/transfer", move).status == 200
    again = ann.ask("POST", "/portfolio/subaccounts/transfer", move)
    assert (again.status, again.body["error"]["code"]) == (409, "transfer_already_applied")
    assert ann.get("/portfolio/balance", subaccount=number)["balance_dollars"] == "10.5000"
    assert ann.balance() == "3989.5000"
    mine = ann.placed("bid", "0.50", "20", subaccount=number)["order_id"]
    assert ann.place("bid", "0.50", "1", subaccount=number).status == 400
    assert ann.ask("DELETE", f"/portfolio/events/orders/{mine}").status == 404
    assert ann.ask("DELETE", f"/portfolio/events/orders/{mine}", subaccount=number).status == 200


# Collateral return: the help page's example, NO at 0.60 and NO at 0.70 in an event with one winner.


def netted(api: Any, other: Any) -> Any:
    assert api.ask("PUT", "/portfolio/subaccounts/netting", {"subaccount_number": 0, "enabled": True}).status == 200
    for ticker, price in ((A, "0.40"), (B, "0.30")):
        other.placed("bid", price, "10", ticker)
        api.placed("ask", price, "10", ticker)
    return api


def cash(api: Any) -> float:
    accounts = api.practice.venue.exchange.accounts
    return float(accounts.cash[api.credentials.user, 0, 0] / 1_000_000)


def test_what_one_of_two_pays_for_certain_is_returned_at_once(ann: Any, bob: Any) -> None:
    before = cash(ann)
    netted(ann, bob)
    fees = sum(float(fill["fee_cost"]) for fill in ann.get("/portfolio/fills")["fills"])
    assert before - cash(ann) == pytest.approx(3.0 + fees)  # of 13 dollars ten are back
    shown = ann.get("/portfolio/subaccounts/netting")["netting_configs"]
    assert {entry["enabled"] for entry in shown} == {True}


def test_without_asking_nothing_is_returned(ann: Any, bob: Any) -> None:
    for ticker, price in ((A, "0.40"), (B, "0.30")):
        bob.placed("bid", price, "10", ticker)
        ann.placed("ask", price, "10", ticker)
    assert cash(ann) < 1_000 - 13


@pytest.mark.parametrize(("winner", "gain"), [(A, -3.0), (B, -3.0), (None, 7.0)])
def test_netted_positions_come_to_the_same_in_the_end(ann: Any, bob: Any, winner: str | None, gain: float) -> None:
    before = cash(ann)
    netted(ann, bob)
    fees = sum(float(fill["fee_cost"]) for fill in ann.get("/portfolio/fills")["fills"])
    for ticker in (A, B):
        ann.practice.venue.exchange.determine(ticker, "yes" if ticker == winner else "no", ann.practice.venue.now())
        ann.pass_time(61)
        assert cash(ann) >= before - 3 - fees - 1e-9  # at no time less than the most that could be lost
    assert cash(ann) - before == pytest.approx(gain - fees)


def test_closing_what_was_returned_needs_the_money(practice: Practice, ann: Any, bob: Any) -> None:
    netted(ann, bob)
    exchange = practice.venue.exchange
    exchange.deposit(ann.credentials.user, -parse_money(f"{cash(ann):.6f}"), practice.venue.now())
    bob.placed("ask", "0.40", "10", A)
    assert ann.place("bid", "0.40", "10", A).body["error"]["code"] == "insufficient_balance"
    exchange.deposit(ann.credentials.user, parse_money("5"), practice.venue.now())
    ann.placed("bid", "0.40", "10", A)
    assert ann.position(A) == "0.00" and cash(ann) >= 0
