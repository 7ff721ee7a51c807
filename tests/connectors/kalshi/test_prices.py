"""Prices of the two sides never stand for one another, and orders carry YES prices only."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kalshi.models.fields import BookSide
from connectors.kalshi.models.orders import NewOrder, TimeInForce, buy_no, buy_yes, sell_no, sell_yes
from connectors.kalshi.prices import NoPrice, PriceError, YesPrice, check_count, require_no, require_yes

PROJECT = Path(__file__).parents[3]
TEN = Decimal(10)
steps = st.integers(min_value=0, max_value=10_000).map(lambda n: Decimal(n) / 10_000)


@given(steps)
def test_a_price_and_its_complement_make_a_dollar(dollars: Decimal) -> None:
    price = YesPrice(dollars)
    assert price.dollars + price.complement().dollars == 1
    assert price.complement().complement() == price
    assert YesPrice.parse(str(price)) == price


def test_the_sides_are_neither_equal_nor_comparable() -> None:
    yes, no = YesPrice(Decimal("0.4")), NoPrice(Decimal("0.4"))
    assert yes != no
    assert len({yes, no, YesPrice.parse("0.4000")}) == 2
    with pytest.raises(TypeError, match="cannot be compared"):
        assert yes < no  # type: ignore[operator]
    assert sorted([YesPrice.parse("0.5"), YesPrice.parse("0.1")])[0] == YesPrice.parse("0.1")


def test_a_no_price_is_refused_where_yes_is_meant_at_run_time() -> None:
    no = NoPrice(Decimal("0.4"))
    with pytest.raises(TypeError, match="a YES price is needed here, not NoPrice"):
        require_yes(no)
    with pytest.raises(TypeError, match="a NO price is needed here, not YesPrice"):
        require_no(no.complement())
    for wrong in (no, Decimal("0.4"), 0.4, "0.4"):
        with pytest.raises(TypeError):
            NewOrder(ticker="T", client_order_id="c", side=BookSide.BID, count=TEN, price=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        buy_no("T", "c", no.complement(), TEN)  # type: ignore[arg-type]


def test_a_no_price_is_refused_where_yes_is_meant_by_the_type_checker(tmp_path: Path) -> None:
    (tmp_path / "mixed.py").write_text(
        "from connectors.kalshi.grid import PriceGrid\n"
        "from connectors.kalshi.prices import NoPrice, YesPrice\n"
        "def mixed(grid: PriceGrid, yes: YesPrice, no: NoPrice) -> None:\n"
        "    grid.valid(yes)\n"
        "    grid.valid(no)\n"
    )
    options = ["--config-file=", "--no-error-summary", f"--cache-dir={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(tmp_path / "mixed.py")],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == 1, done.stdout
    assert "mixed.py:5" in lines[0] and 'incompatible type "NoPrice"; expected "YesPrice"' in lines[0]


@pytest.mark.parametrize(
    "text", ["1.0001", "-0.01", "0.56789", "NaN", "inf", "", "half", "1e-1", "0_1", " 0.5", ".5", "٠.٥"]
)
def test_what_is_no_price_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(PriceError):
        YesPrice.parse(text)


def test_floats_are_no_prices() -> None:
    with pytest.raises(TypeError, match="takes a Decimal"):
        YesPrice(0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", ["0", "-1", "0.001", "NaN"])
def test_what_is_no_count_is_refused(count: str) -> None:
    with pytest.raises(PriceError):
        check_count(Decimal(count))


@pytest.mark.parametrize(
    ("order", "side", "price"),
    [
        (buy_yes("T", "c", YesPrice.parse("0.30"), TEN), "bid", "0.3000"),
        (sell_yes("T", "c", YesPrice.parse("0.30"), TEN), "ask", "0.3000"),
        (buy_no("T", "c", NoPrice.parse("0.30"), TEN), "ask", "0.7000"),
        (sell_no("T", "c", NoPrice.parse("0.30"), TEN), "bid", "0.7000"),
    ],
)
def test_every_order_goes_out_at_its_yes_price(order: NewOrder, side: str, price: str) -> None:
    body = order.body()
    assert (body["side"], body["price"], body["count"]) == (side, price, "10.00")
    assert not {"type", "action", "yes_price", "no_price", "expiration_ts"} & set(body)


def test_terms_that_the_venue_refuses_are_refused_before_they_are_sent() -> None:
    price = YesPrice.parse("0.5")
    with pytest.raises(ValueError, match="takes no expiration time"):
        buy_yes("T", "c", price, TEN, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL, expiration_time=1)
    with pytest.raises(ValueError, match="immediate_or_cancel only"):
        buy_yes("T", "c", price, TEN, reduce_only=True)
    with pytest.raises(ValueError, match="client order id"):
        buy_yes("T", "", price, TEN)
    with pytest.raises(PriceError, match=r"no order can be at \$1"):
        buy_yes("T", "c", YesPrice(Decimal(1)), TEN)
