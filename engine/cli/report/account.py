"""An account as the store has it: everything that was traded on it, over all its runs."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from engine.cli.errors import UserError
from engine.cli.gate.evidence import fill_of
from engine.cli.kept import zone_of_runs
from engine.research.performance import Account, FillCost
from engine.research.trades import TradeBook
from state import Store, is_traded, ledger

Row = Mapping[str, Any]


def account_of(store: Store, run_id: str | None, otherwise: str) -> Account:
    """The account that a run (None: the newest) traded on, with all runs on it, the oldest first. Its days are those of
    the timezone of their packs; of ``otherwise`` where they have several.

    Raises StoreError where there is no such run.
    """
    book = store.run(run_id)["book"]
    runs = [run for run in reversed(store.runs()) if run["book"] == book]
    rows = [row for run in runs for row in store.fills(run["id"])]
    curve = [point for run in runs for point in store.equity(run["id"])]
    trades = TradeBook()
    for row in rows:
        trades.apply(fill_of(row), mid_of(row))
    return Account(
        book, [run["id"] for run in runs], trades.trades, costs_of(rows),
        array("q", [time for time, _ in curve]), array("d", [worth for _, worth in curve]), _cash(store, book),
        trades.open_count, zone_of_runs(store, runs, otherwise),
    )  # fmt: skip


def costs_of(rows: Iterable[Row]) -> list[FillCost]:
    """What kept fills cost, those that were traded: what a settled market paid costs nothing."""
    return [_cost_of(row) for row in rows if is_traded(row)]


def _cost_of(row: Row) -> FillCost:
    """The other half of the spread is paid by the other side."""
    quantity = Decimal(row["quantity"])
    return FillCost(
        row["strategy"], row["symbol"], row["leg"], quantity * Decimal(row["price"]), Decimal(row["fee"]),
        None if row["spread"] is None else quantity * Decimal(row["spread"]) / 2,
        None if row["slippage"] is None else quantity * Decimal(row["slippage"]),
    )  # fmt: skip


def mid_of(row: Row) -> float | None:
    """The price that a fill is held against, where one was kept."""
    return None if row["reference"] is None else float(row["reference"])


def _cash(store: Store, book: str) -> Decimal:
    """What the account began with: what was paid in before it first traded. Raises UserError where nothing was."""
    for transaction in store.transactions(book):
        paid_in = [Decimal(e["amount"]) for e in transaction["entries"] if e["account"] == ledger.Account.CASH.value]
        if paid_in and sum(paid_in) > 0 and transaction["kind"] == ledger.Kind.TRANSFER.value:
            return sum(paid_in, Decimal(0))
    raise UserError(f"account {book} of {store.path} does not say what it began with: it is older than the ledger")
