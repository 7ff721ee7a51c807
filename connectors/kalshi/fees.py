"""Trading fees: the quadratic formula, its kinds and multiplier, waivers, and rounding per fill and order.

A fill of C contracts at price P costs ``multiplier × k × C × P × (1 − P)``, rounded up to $0.0001; k is 0.07 for the
taker. The maker pays nothing, a quarter or half of it, by the kind of fee. Source: Kalshi's fee schedule of 2026-02-05
and its page on fee rounding of 2026-06-01.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from connectors.kalshi.prices import ONE, ZERO, NoPrice, YesPrice, check_count

FEE_STEP = Decimal("0.0001")
CENT = Decimal("0.01")
TAKER_RATE = Decimal("0.07")


class FeeError(ValueError):
    """A fee that cannot be computed. The market must not be traded: its costs are unknown."""


class FeeType(StrEnum):
    """How a series or an event charges. UNKNOWN stands for a kind that this program has never heard of."""

    QUADRATIC = "quadratic"
    QUADRATIC_WITH_MAKER_FEES = "quadratic_with_maker_fees"
    QUADRATIC_WITH_COMBO_MAKER_FEES = "quadratic_with_combo_maker_fees"
    FLAT = "flat"
    UNKNOWN = "unknown"


class Liquidity(StrEnum):
    """Whether a fill took what rested in the book, or rested there itself."""

    TAKER = "taker"
    MAKER = "maker"


_MAKER_SHARE = {
    FeeType.QUADRATIC: ZERO,
    FeeType.QUADRATIC_WITH_MAKER_FEES: Decimal("0.25"),
    FeeType.QUADRATIC_WITH_COMBO_MAKER_FEES: Decimal("0.5"),
}


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """What one market charges. ``waived_until_ns`` (UTC): no fee before that instant."""

    type: FeeType = FeeType.QUADRATIC
    multiplier: Decimal = ONE
    waived_until_ns: int | None = None

    def __post_init__(self) -> None:
        if self.type not in _MAKER_SHARE:
            raise FeeError(f"the fee type `{self.type}` has no published formula; do not trade this market")
        if not self.multiplier.is_finite() or self.multiplier < 0:
            raise FeeError(f"a fee multiplier is 0 or more, and {self.multiplier} is not")

    def rate(self, liquidity: Liquidity) -> Decimal:
        """The factor of ``C × P × (1 − P)``."""
        share = ONE if liquidity is Liquidity.TAKER else _MAKER_SHARE[self.type]
        return self.multiplier * TAKER_RATE * share

    def waived(self, time_ns: int) -> bool:
        """Whether nothing is charged at this instant."""
        return self.waived_until_ns is not None and time_ns < self.waived_until_ns

    def trade_fee(
        self, price: YesPrice | NoPrice, count: Decimal, liquidity: Liquidity, time_ns: int | None = None
    ) -> Decimal:
        """The fee in dollars of one fill of ``count`` contracts, rounded up to $0.0001, before rounding of balances.

        ``time_ns`` None leaves a waiver out of account: what the fill would cost without it.
        """
        check_count(count)
        if time_ns is not None and self.waived(time_ns):
            return ZERO
        exact = self.rate(liquidity) * count * price.dollars * (ONE - price.dollars)
        return exact.quantize(FEE_STEP, rounding=ROUND_CEILING)


def fee_terms(
    series_type: FeeType,
    series_multiplier: Decimal,
    event_type: FeeType | None = None,
    event_multiplier: Decimal | None = None,
    waived_until_ns: int | None = None,
) -> FeeTerms:
    """The terms of a market: what its event overrides, else what its series says. FeeError for `flat` fees."""
    return FeeTerms(
        series_type if event_type is None else event_type,
        series_multiplier if event_multiplier is None else event_multiplier,
        waived_until_ns,
    )


@dataclass(frozen=True, slots=True)
class FeeChange:
    """What a series or an event charges from an instant on (UTC ns). None: an event that overrides nothing."""

    from_ns: int
    type: FeeType | None
    multiplier: Decimal | None


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """What one market charges and will charge, as announced. The last change that has begun is in force.

    Both tuples are in order of time and begin with what holds already.
    """

    series: tuple[FeeChange, ...]
    event: tuple[FeeChange, ...]
    waived_until_ns: int | None = None

    def at(self, time_ns: int) -> FeeTerms | None:
        """The terms at an instant; None where what is charged has no published formula."""
        series, event = _in_force(self.series, time_ns), _in_force(self.event, time_ns)
        if series.type is None or series.multiplier is None:
            return None
        try:
            return fee_terms(series.type, series.multiplier, event.type, event.multiplier, self.waived_until_ns)
        except FeeError:
            return None

    def overridden(self, change: FeeChange) -> FeeSchedule:
        """The schedule with the event's override as it stands now; what is announced for later stays."""
        later = tuple(other for other in self.event if other.from_ns > change.from_ns)
        return replace(self, event=(change, *later))


def _in_force(changes: tuple[FeeChange, ...], time_ns: int) -> FeeChange:
    return max((c for c in changes if c.from_ns <= time_ns), key=lambda c: c.from_ns, default=changes[0])


class Member(StrEnum):
    """How finely the venue keeps an account's balance. Accounts with keys of their own are direct members."""

    DIRECT = "direct"
    INTERMEDIATED = "intermediated"

    @property
    def precision(self) -> Decimal:
        """The smallest step of the balance, in dollars."""
        return FEE_STEP if self is Member.DIRECT else CENT


@dataclass(frozen=True, slots=True)
class FillFee:
    """What one fill cost, in dollars. ``net`` is what leaves the balance on top of the price."""

    trade_fee: Decimal
    rounding_fee: Decimal
    rebate: Decimal

    @property
    def net(self) -> Decimal:
        return self.trade_fee + self.rounding_fee - self.rebate


class OrderFees:
    """The fees of one order, taker and maker fills together, in the order of the fills.

    Each fill's change of balance is rounded down to the account's precision. What rounding took is added up over the
    order, and a cent is paid back whenever the sum is above a cent.
    """

    def __init__(self, member: Member = Member.DIRECT) -> None:
        self.member = member
        self.total = ZERO
        self.held_back = ZERO

    def fill(self, revenue: Decimal, trade_fee: Decimal) -> FillFee:
        """Book one fill. ``revenue`` is the change of balance before fees in dollars: negative when paying."""
        change = revenue - trade_fee
        rounding_fee = change - change.quantize(self.member.precision, rounding=ROUND_FLOOR)
        self.held_back += rounding_fee
        rebate = CENT if self.held_back > CENT else ZERO
        self.held_back -= rebate
        fee = FillFee(trade_fee, rounding_fee, rebate)
        self.total += fee.net
        return fee
