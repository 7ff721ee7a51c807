"""Fees against recorded fills and the published tables, and the invariants of rounding."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kalshi.fees import (
    FeeChange,
    FeeError,
    FeeSchedule,
    FeeTerms,
    FeeType,
    Liquidity,
    Member,
    OrderFees,
    fee_terms,
)
from connectors.kalshi.models.markets import EventFeeChange, SeriesFeeChange
from connectors.kalshi.prices import NoPrice, YesPrice

TAKER, MAKER = Liquidity.TAKER, Liquidity.MAKER
prices = st.integers(min_value=1, max_value=9_999).map(lambda n: YesPrice(Decimal(n) / 10_000))
counts = st.integers(min_value=1, max_value=1_000_000).map(lambda n: Decimal(n) / 100)


def fee(price: str, count: str, liquidity: Liquidity = TAKER, terms: FeeTerms | None = None) -> Decimal:
    return (terms or FeeTerms()).trade_fee(YesPrice.parse(price), Decimal(count), liquidity)


@pytest.mark.parametrize(
    ("price", "count", "paid"),
    [("0.52", "1", "0.0175"), ("0.99", "1", "0.0007"), ("0.01", "1", "0.0007"), ("0.50", "10", "0.1750")],
)
def test_takers_pay_what_was_recorded(price: str, count: str, paid: str) -> None:
    assert fee(price, count) == Decimal(paid)


@pytest.mark.parametrize(
    ("price", "count", "paid"), [("0.50", "1", "0.02"), ("0.25", "100", "1.32"), ("0.50", "100", "1.75")]
)
def test_accounts_in_whole_cents_pay_the_published_table(price: str, count: str, paid: str) -> None:
    booked = OrderFees(Member.INTERMEDIATED).fill(-Decimal(price) * Decimal(count), fee(price, count))
    assert booked.net == Decimal(paid)


def test_makers_pay_by_the_kind_of_fee() -> None:
    kinds = {
        FeeType.QUADRATIC: "0",
        FeeType.QUADRATIC_WITH_MAKER_FEES: "0.4375",
        FeeType.QUADRATIC_WITH_COMBO_MAKER_FEES: "0.8750",
    }
    for kind, paid in kinds.items():
        assert fee("0.5", "100", MAKER, FeeTerms(kind)) == Decimal(paid)
        assert fee("0.5", "100", TAKER, FeeTerms(kind)) == Decimal("1.7500")


def test_the_multiplier_scales_both_sides_of_the_trade() -> None:
    half = FeeTerms(FeeType.QUADRATIC_WITH_MAKER_FEES, Decimal("0.5"))
    assert fee("0.5", "100", TAKER, half) == Decimal("0.8750")
    assert fee("0.5", "100", MAKER, half) == Decimal("0.2188")  # 0.21875 rounded up
    assert fee("0.5", "100", TAKER, FeeTerms(multiplier=Decimal(0))) == 0


@given(prices, counts)
def test_a_fee_is_the_same_on_either_side_and_rounded_up_by_less_than_a_step(price: YesPrice, count: Decimal) -> None:
    yes, no = (FeeTerms().trade_fee(p, count, TAKER) for p in (price, price.complement()))
    exact = Decimal("0.07") * count * price.dollars * (1 - price.dollars)
    assert yes == no
    assert 0 <= yes - exact < Decimal("0.0001")


def test_a_waiver_ends_at_its_instant() -> None:
    terms = FeeTerms(waived_until_ns=1_000)
    price, one = NoPrice.parse("0.5"), Decimal(1)
    assert terms.trade_fee(price, one, TAKER, time_ns=999) == 0
    assert terms.trade_fee(price, one, TAKER, time_ns=1_000) == terms.trade_fee(price, one, TAKER) == Decimal("0.0175")


@pytest.mark.parametrize("kind", [FeeType.FLAT, FeeType.UNKNOWN])
def test_kinds_without_a_formula_are_refused(kind: FeeType) -> None:
    with pytest.raises(FeeError, match="do not trade this market"):
        fee_terms(FeeType.QUADRATIC, Decimal(1), event_type=kind)


def test_an_event_overrides_its_series_and_clears_it_again() -> None:
    change = {"id": "1", "event_ticker": "E", "series_ticker": "S", "scheduled_ts": "2026-11-01T00:00:00Z"}
    override = EventFeeChange.model_validate(
        {**change, "fee_type_override": "quadratic_with_maker_fees", "fee_multiplier_override": Decimal("0.5")}
    )
    terms = fee_terms(FeeType.QUADRATIC, Decimal(1), override.fee_type_override, override.fee_multiplier_override)
    assert (terms.type, terms.multiplier) == (FeeType.QUADRATIC_WITH_MAKER_FEES, Decimal("0.5"))
    cleared = EventFeeChange.model_validate({**change, "fee_type_override": None, "fee_multiplier_override": None})
    assert fee_terms(FeeType.QUADRATIC, Decimal(2), cleared.fee_type_override).multiplier == 2


def test_announced_changes_come_into_force_at_their_instants() -> None:
    schedule = FeeSchedule(
        (FeeChange(0, FeeType.QUADRATIC, Decimal(1)), FeeChange(100, FeeType.QUADRATIC, Decimal(2))),
        (FeeChange(0, None, None), FeeChange(200, None, Decimal("0.5")), FeeChange(300, FeeType.FLAT, Decimal(1))),
    )
    multipliers = [terms.multiplier for at in (0, 99, 100, 200) if (terms := schedule.at(at)) is not None]
    assert multipliers == [1, 1, 2, Decimal("0.5")]
    assert schedule.at(300) is None, "a fee without a formula is unknown, not nothing"
    told = schedule.overridden(FeeChange(150, None, Decimal(3)))
    overridden = [terms.multiplier for at in (150, 250) if (terms := told.at(at)) is not None]
    assert overridden == [3, Decimal("0.5")]


def test_a_kind_of_fee_that_is_new_to_us_is_read_as_unknown() -> None:
    change = SeriesFeeChange.model_validate(
        {"id": "1", "series_ticker": "S", "fee_type": "margin_market_maker_program_fees", "fee_multiplier": 1,
         "scheduled_ts": "2026-11-01T00:00:00Z"}
    )  # fmt: skip
    assert change.fee_type is FeeType.UNKNOWN


def test_the_published_example_of_rounding() -> None:
    """1 contract at $0.055 with a trade fee of $0.0085, kept in cents: the balance falls by $0.07."""
    booked = OrderFees(Member.INTERMEDIATED).fill(Decimal("-0.055"), Decimal("0.0085"))
    assert (booked.rounding_fee, booked.rebate, booked.net) == (Decimal("0.0065"), 0, Decimal("0.0150"))


def test_rounding_is_paid_back_once_it_is_above_a_cent() -> None:
    order = OrderFees(Member.INTERMEDIATED)
    first = order.fill(Decimal("-0.055"), Decimal("0.0085"))
    second = order.fill(Decimal("-0.055"), Decimal("0.0085"))
    assert (first.rebate, second.rebate) == (0, Decimal("0.01"))
    assert order.held_back == Decimal("0.0030")
    assert order.total == first.net + second.net == Decimal("0.02")


def test_exactly_a_cent_is_not_yet_above_a_cent() -> None:
    order = OrderFees(Member.INTERMEDIATED)
    assert [order.fill(Decimal("-0.005"), Decimal(0)).rebate for _ in range(3)] == [0, 0, Decimal("0.01")]


def test_a_direct_member_at_whole_cents_pays_the_bare_fee() -> None:
    assert OrderFees().fill(Decimal("-0.52"), Decimal("0.0175")).net == Decimal("0.0175")


@given(
    st.sampled_from(Member),
    st.lists(st.tuples(prices, counts, st.booleans(), st.sampled_from(Liquidity)), max_size=20),
)
def test_no_order_pays_more_than_a_cent_above_its_trade_fees(
    member: Member, fills: list[tuple[YesPrice, Decimal, bool, Liquidity]]
) -> None:
    order, terms = OrderFees(member), FeeTerms(FeeType.QUADRATIC_WITH_MAKER_FEES)
    balance = bare = Decimal(0)
    for price, count, buys, liquidity in fills:
        revenue = price.dollars * count * (-1 if buys else 1)
        booked = order.fill(revenue, terms.trade_fee(price, count, liquidity))
        bare += booked.trade_fee
        balance += revenue - booked.net
        assert balance % member.precision == 0
        assert 0 <= order.total - bare == order.held_back <= Decimal("0.01")
