"""Fees: the quadratic formula, rounding to the account's precision, and the rebate of what rounding took.

Source: the venue's fee schedule (2026-02-05) and its page on fee rounding (2026-06-01).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from connectors.simulators.kalshi.core.units import CENT, PRICE_ONE

TAKER_RATE = 700  # 0.07, in 1/10000
MAKER_SHARE = {"quadratic_with_maker_fees": Fraction(1, 4), "quadratic_with_combo_maker_fees": Fraction(1, 2)}
FEE_TYPES = ("quadratic", *MAKER_SHARE)
FEE_UNIT = 100  # fees are whole ten-thousandths of a dollar, in money

DIRECT_PRECISION = 100  # balances of direct members: $0.0001
INDIRECT_PRECISION = CENT


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """What a market charges now: the type, and the multiplier of its series or event."""

    fee_type: str
    multiplier: Fraction

    def rate(self, is_taker: bool) -> Fraction:
        """The factor of count × price × (1 − price), in 1/10000."""
        share = Fraction(1) if is_taker else MAKER_SHARE.get(self.fee_type, Fraction(0))
        return self.multiplier * share * TAKER_RATE


FREE = FeeTerms("quadratic", Fraction(0))


def trade_fee(terms: FeeTerms, count: int, price: int, is_taker: bool) -> int:
    """The fee of one fill before rounding of balances, in money: rounded up to $0.0001."""
    rate = terms.rate(is_taker)
    numerator = rate.numerator * count * price * (PRICE_ONE - price)
    return -(-numerator // (rate.denominator * 10**10)) * FEE_UNIT


def round_balance(revenue: int, fee: int, precision: int, accumulated: int) -> tuple[int, int]:
    """The net fee of a fill, and what rounding has taken from its order so far.

    ``revenue`` is the fill's change of cash before the fee. The change after the fee is rounded down to
    ``precision``; when more than one cent has gathered on the order, a cent is paid back.
    """
    change = revenue - fee
    rounding = change - change // precision * precision
    accumulated += rounding
    rebate = CENT if accumulated > CENT else 0
    return fee + rounding - rebate, accumulated - rebate
