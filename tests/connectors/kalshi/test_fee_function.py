"""The function `fee` of the rule language charges what the venue charges, to the hundredth of a cent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kalshi.fees import FeeTerms, Liquidity
from connectors.kalshi.prices import YesPrice
from engine.language.functions import CATALOGUE

FEE = CATALOGUE["fee"].step


@given(mills=st.integers(1, 999), hundredths=st.integers(1, 2_000_000), multiplier=st.sampled_from(["1", "0.5", "2"]))
def test_rules_compute_the_venues_exact_fee(mills: int, hundredths: int, multiplier: str) -> None:
    price, count = Decimal(mills) / 1000, Decimal(hundredths) / 100
    terms = FeeTerms("quadratic", Decimal(multiplier))
    exact = terms.trade_fee(YesPrice.parse(str(price)), count, Liquidity.TAKER, 0)
    rate = float(terms.rate(Liquidity.TAKER))
    assert FEE(float(price), float(count), 0.0, 0.0, rate) == pytest.approx(float(exact), abs=1e-9)
