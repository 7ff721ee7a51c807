"""Double entry: whatever is traded, every unit sums to zero and profit is what came in less what went out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.orders import Fill, Leg, Side
from engine.market.position import Position
from state import ledger
from state.ledger import MONEY, Account, Balances, Entry, Holding, Key, Kind, LedgerError, Transaction

ZERO = Decimal(0)
AMOUNTS = st.decimals(min_value="0.01", max_value="1000", places=4)
FILLS = st.lists(
    st.tuples(
        st.sampled_from(["s.a", "s.b"]), st.sampled_from(["SPY", "KX-1"]), st.sampled_from(list(Side)),
        st.decimals(min_value="0.01", max_value="50", places=2), AMOUNTS, st.decimals(0, 2, places=4),
    ),
    max_size=25,
)  # fmt: skip


def trade(number: int, side: Side, quantity: Decimal, price: Decimal, fee: Decimal = ZERO) -> Fill:
    return Fill(f"f{number}", "", "SPY", "s.a", side, quantity, price, fee, number, Leg.ENTRY)


def units(balances: Balances) -> dict[str, Decimal]:
    return ledger.sums(Entry(key, amount) for key, amount in balances.items())


@given(FILLS)
def test_whatever_is_traded_the_books_balance_and_cash_is_what_moved(trades: list[tuple]) -> None:  # type: ignore[type-arg]
    balances, cash, held = Balances(), ZERO, {}
    for number, (strategy, symbol, side, quantity, price, fee) in enumerate(trades):
        fill = Fill(f"f{number}", "", symbol, strategy, side, quantity, price, fee, number, Leg.ENTRY)
        balances.post(ledger.of_fill(balances, fill))
        cash -= quantity * side.sign * price + fee
        held[strategy, symbol] = held.get((strategy, symbol), ZERO) + quantity * side.sign
    assert not any(units(balances).values())
    assert balances.amount(Account.CASH) == cash
    for (strategy, symbol), quantity in held.items():
        holding = balances.holding(strategy, symbol)
        assert holding.quantity == quantity
        assert holding.cost == 0 or (holding.cost > 0) == (quantity > 0)
        if quantity == 0:
            assert holding.cost == 0
    if not any(held.values()):
        assert -balances.total(Account.REALISED) - balances.total(Account.FEES) == cash


@given(FILLS)
def test_the_ledger_and_the_engines_own_positions_agree(trades: list[tuple]) -> None:  # type: ignore[type-arg]
    balances, positions = Balances(), {}
    for number, (strategy, symbol, side, quantity, price, fee) in enumerate(trades):
        fill = Fill(f"f{number}", "", symbol, strategy, side, quantity, price, fee, number, Leg.ENTRY)
        balances.post(ledger.of_fill(balances, fill))
        positions.setdefault((strategy, symbol), Position(strategy, symbol)).apply(fill)
    for key, position in positions.items():
        assert balances.holding(*key).quantity == position.quantity
        assert abs(-balances.amount(Account.REALISED, *key) - position.gross) < Decimal("0.000001")
        assert balances.amount(Account.FEES, *key) == position.fees


def test_a_short_that_is_filled_through_flat_makes_its_profit_and_a_new_position() -> None:
    balances = Balances()
    balances.post(ledger.of_fill(balances, trade(1, Side.SELL, Decimal(10), Decimal(100))))
    assert balances.holding("s.a", "SPY") == Holding(Decimal(-10), Decimal(-1000))
    balances.post(ledger.of_fill(balances, trade(2, Side.BUY, Decimal(14), Decimal(90), Decimal(2))))
    assert balances.holding("s.a", "SPY") == Holding(Decimal(4), Decimal(360))
    assert balances.amount(Account.REALISED, "s.a", "SPY") == -100
    assert balances.amount(Account.CASH) == 1000 - 14 * 90 - 2
    assert balances.holding("s.a", "SPY").unrealised(Decimal(95)) == 20
    assert balances.holding("s.a", "SPY").entry == 90


def test_a_settlement_books_the_contract_out_and_is_owed_until_it_is_paid() -> None:
    balances = Balances()
    balances.post(ledger.of_transfer(Decimal(100), 0, "opening"))
    balances.post(ledger.of_fill(balances, trade(1, Side.BUY, Decimal(20), Decimal("0.40"))))
    balances.post(ledger.of_settlement(balances, "s.a", "SPY", Decimal(1), Decimal("0.10"), 2, "s1"))
    assert balances.holding("s.a", "SPY") == Holding(ZERO, ZERO)
    assert balances.amount(Account.REALISED, "s.a", "SPY") == -12
    assert (balances.amount(Account.CASH), balances.amount(Account.SETTLEMENT)) == (92, Decimal("19.90"))
    balances.post(ledger.of_payment(Decimal("19.90"), 3, "p1"))
    assert (balances.amount(Account.CASH), balances.amount(Account.SETTLEMENT)) == (Decimal("111.90"), 0)


@given(st.decimals(-50, 50, places=2), st.decimals(-50, 50, places=2).filter(bool))
def test_a_corrected_position_is_the_venues_and_the_books_balance(held: Decimal, change: Decimal) -> None:
    balances = Balances()
    if held:
        side = Side.BUY if held > 0 else Side.SELL
        balances.post(ledger.of_fill(balances, trade(1, side, abs(held), Decimal("3.33"))))
    correction = ledger.of_position_correction(balances, "s.a", "SPY", change, Decimal(7), 2, "1", "")
    balances.post(correction)
    assert balances.holding("s.a", "SPY").quantity == held + change
    assert not any(units(balances).values())


def test_new_units_have_no_price_unless_somebody_says_one() -> None:
    with pytest.raises(LedgerError, match="adds 3 SPY needs the price that they cost"):
        ledger.of_position_correction(Balances(), "s", "SPY", Decimal(3), None, 0, "1", "")


def test_what_does_not_balance_cannot_be_made() -> None:
    with pytest.raises(LedgerError, match="fill f1: USD does not sum to zero but to 5"):
        Transaction(0, Kind.FILL, "f1", (Entry(Key(Account.CASH, "", "", MONEY), Decimal(5)),))
    with pytest.raises(LedgerError, match="NaN is no amount"):
        Transaction(0, Kind.FILL, "f1", (Entry(Key(Account.CASH, "", "", MONEY), Decimal("NaN")),))


def test_no_digit_is_ever_lost_silently() -> None:
    balances = Balances()
    with pytest.raises(LedgerError, match="more digits than a ledger can keep"):
        for amount in (Decimal(10) ** 90, Decimal("1e-20")):
            balances.post(ledger.of_transfer(amount, 0, "t"))
