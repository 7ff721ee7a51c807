"""Double entry: every transaction takes from one account what it gives to another, in each unit. Pure.

Units are money (``USD``) and each symbol. An account grows by positive amounts: what the book has (cash, positions at
cost) is positive, and so are fees paid; what it earned stands as a negative balance of ``realised``, as in any ledger.

- cash: money at the venue. transfers: where deposits come from.
- position: units held by a strategy. market: where they came from; each symbol's units sum to zero over both.
- cost: what is held, at average cost; negative for a short. realised: profit before fees, as a negative amount.
- settlement: what a settled contract owes until it is paid. differences: what only the venue can explain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from enum import StrEnum
from typing import Final, NamedTuple

from engine.market.orders import Fill

MONEY: Final = "USD"
ZERO: Final = Decimal(0)
COST_STEP: Final = Decimal("0.0000000001")  # parts of an average cost are cut here; the last part takes the rest
_EXACT: Final = Context(prec=96, traps=[Inexact, InvalidOperation])
_ROUNDED: Final = Context(prec=96, traps=[InvalidOperation])


class LedgerError(Exception):
    """A transaction that does not balance, or cannot be: a fault of who made it."""


class Account(StrEnum):
    """See the module's description."""

    CASH = "cash"
    TRANSFERS = "transfers"
    POSITION = "position"
    MARKET = "market"
    COST = "cost"
    REALISED = "realised"
    FEES = "fees"
    SETTLEMENT = "settlement"
    DIFFERENCES = "differences"


class Kind(StrEnum):
    """What a transaction is about; together with its reference it is booked once."""

    TRANSFER = "transfer"
    FILL = "fill"
    SETTLEMENT = "settlement"
    PAYMENT = "payment"
    CORRECTION = "correction"
    CHARGE = "charge"


class Key(NamedTuple):
    """One account; ``strategy`` and ``symbol`` are empty where the account has none."""

    account: Account
    strategy: str
    symbol: str
    unit: str


class Entry(NamedTuple):
    """``amount`` of ``key.unit`` goes to an account (or leaves it, when negative)."""

    key: Key
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Transaction:
    """Entries that belong together; raises LedgerError unless they sum to zero in each unit."""

    time_ns: int
    kind: Kind
    reference: str
    entries: tuple[Entry, ...]
    text: str = ""

    def __post_init__(self) -> None:
        for unit, total in sums(self.entries).items():
            if total != 0:
                raise LedgerError(f"{self.kind} {self.reference}: {unit} does not sum to zero but to {total}")


class Holding(NamedTuple):
    """Signed ``quantity`` in units, and what it cost (money, negative for a short)."""

    quantity: Decimal
    cost: Decimal

    @property
    def entry(self) -> Decimal | None:
        """Average price; None when nothing is held."""
        with localcontext(_ROUNDED):
            return (self.cost / self.quantity).quantize(COST_STEP).normalize() if self.quantity else None

    def unrealised(self, mark: Decimal) -> Decimal:
        """Profit if it were closed at ``mark`` (money, before fees)."""
        with exact():
            return self.quantity * mark - self.cost


class Balances(dict[Key, Decimal]):
    """What every account of a book has."""

    def amount(self, account: Account, strategy: str = "", symbol: str = "", unit: str = MONEY) -> Decimal:
        return self.get(Key(account, strategy, symbol, unit), ZERO)

    def post(self, transaction: Transaction) -> None:
        with exact():
            for key, amount in transaction.entries:
                self[key] = self.get(key, ZERO) + amount

    def holding(self, strategy: str, symbol: str) -> Holding:
        quantity = self.amount(Account.POSITION, strategy, symbol, symbol)
        return Holding(quantity, self.amount(Account.COST, strategy, symbol))

    def total(self, account: Account) -> Decimal:
        """An account's money over all strategies and symbols."""
        with exact():
            return sum((v for k, v in self.items() if k.account is account and k.unit == MONEY), ZERO)


@contextmanager
def exact() -> Iterator[None]:
    """Sums and products that are never rounded; raises LedgerError where they would have to be."""
    with localcontext(_EXACT):
        try:
            yield
        except (Inexact, InvalidOperation):
            raise LedgerError("an amount is not a number, or has more digits than a ledger can keep") from None


def sums(entries: Iterable[Entry]) -> dict[str, Decimal]:
    """The sum of the amounts in each unit."""
    found: dict[str, Decimal] = {}
    with exact():
        for key, amount in entries:
            if not amount.is_finite():
                raise LedgerError(f"{amount} is no amount")
            found[key.unit] = found.get(key.unit, ZERO) + amount
    return found


def of_fill(balances: Balances, fill: Fill) -> Transaction:
    """An execution: money against units, profit on what it closes, and its fee."""
    with exact():
        signed = fill.quantity * fill.side.sign
        held = balances.holding(fill.strategy, fill.symbol)
        kept, freed = _split(held, signed)
        value = signed * fill.price
        cost = (signed - kept) * fill.price - freed
        entries = [
            _money(Account.CASH, -value - fill.fee),
            _money(Account.FEES, fill.fee, fill.strategy, fill.symbol),
            _money(Account.COST, cost, fill.strategy, fill.symbol),
            _money(Account.REALISED, value - cost, fill.strategy, fill.symbol),
            *_units(fill.strategy, fill.symbol, signed),
        ]
    return _transaction(fill.time_ns, Kind.FILL, fill.fill_id, entries)


def of_settlement(
    balances: Balances, strategy: str, symbol: str, payout: Decimal, fee: Decimal, time_ns: int, reference: str
) -> Transaction:
    """A contract is over: all units go, and the venue owes ``payout`` (money a unit) less ``fee``."""
    with exact():
        held = balances.holding(strategy, symbol)
        worth = held.quantity * payout
        entries = [
            _money(Account.SETTLEMENT, worth - fee),
            _money(Account.FEES, fee, strategy, symbol),
            _money(Account.COST, -held.cost, strategy, symbol),
            _money(Account.REALISED, held.cost - worth, strategy, symbol),
            *_units(strategy, symbol, -held.quantity),
        ]
    return _transaction(time_ns, Kind.SETTLEMENT, reference, entries, f"{symbol} settled at {payout}")


def of_payment(amount: Decimal, time_ns: int, reference: str) -> Transaction:
    """The venue pays what settlements owe."""
    entries = [_money(Account.CASH, amount), _money(Account.SETTLEMENT, -amount)]
    return _transaction(time_ns, Kind.PAYMENT, reference, entries)


def of_charge(strategy: str, symbol: str, amount: Decimal, time_ns: int, reference: str) -> Transaction:
    """What the venue charged for trades (money), told after their fills were booked."""
    entries = [_money(Account.CASH, -amount), _money(Account.FEES, amount, strategy, symbol)]
    return _transaction(time_ns, Kind.CHARGE, reference, entries, f"charged for trades in {symbol}")


def of_transfer(amount: Decimal, time_ns: int, reference: str) -> Transaction:
    """Money comes to the venue, or leaves it when negative."""
    entries = [_money(Account.CASH, amount), _money(Account.TRANSFERS, -amount)]
    return _transaction(time_ns, Kind.TRANSFER, reference, entries)


def of_cash_correction(amount: Decimal, time_ns: int, reference: str, text: str) -> Transaction:
    """Cash that the venue has and the ledger had not (negative: the other way round)."""
    entries = [_money(Account.CASH, amount), _money(Account.DIFFERENCES, -amount)]
    return _transaction(time_ns, Kind.CORRECTION, reference, entries, text)


def of_position_correction(
    balances: Balances, strategy: str, symbol: str, quantity: Decimal, price: Decimal | None, time_ns: int,
    reference: str, text: str,
) -> Transaction:  # fmt: skip
    """Signed units that the venue has and the ledger had not; ``price`` is what a unit of what is new cost.

    What is taken away goes at its average cost. Raises LedgerError when units are new and no price is given.
    """
    with exact():
        kept, freed = _split(balances.holding(strategy, symbol), quantity)
        new = quantity - kept
        if new and price is None:
            raise LedgerError(f"a correction that adds {new} {symbol} needs the price that they cost")
        cost = (new * price if price is not None else ZERO) - freed
        entries = [
            _money(Account.COST, cost, strategy, symbol),
            _money(Account.DIFFERENCES, -cost, strategy, symbol),
            *_units(strategy, symbol, quantity),
        ]
    return _transaction(time_ns, Kind.CORRECTION, reference, entries, text)


def _split(held: Holding, change: Decimal) -> tuple[Decimal, Decimal]:
    """The part of ``change`` that closes what is held (signed), and the cost that this frees."""
    if not held.quantity or (held.quantity > 0) == (change > 0):
        return ZERO, ZERO
    if abs(change) >= abs(held.quantity):
        return -held.quantity, held.cost
    with localcontext(_ROUNDED):
        return change, (held.cost * abs(change) / abs(held.quantity)).quantize(COST_STEP)


def _money(account: Account, amount: Decimal, strategy: str = "", symbol: str = "") -> Entry:
    return Entry(Key(account, strategy, symbol, MONEY), amount)


def _units(strategy: str, symbol: str, quantity: Decimal) -> tuple[Entry, Entry]:
    held, market = Key(Account.POSITION, strategy, symbol, symbol), Key(Account.MARKET, "", symbol, symbol)
    return Entry(held, quantity), Entry(market, -quantity)


def _transaction(time_ns: int, kind: Kind, reference: str, entries: Iterable[Entry], text: str = "") -> Transaction:
    return Transaction(time_ns, kind, reference, tuple(e for e in entries if e.amount), text)
