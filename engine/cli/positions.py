"""``engine positions``: what an account holds, what it made and what that cost, from the ledger."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import typer

from engine.cli.console import print_columns, print_json
from engine.cli.errors import ExitCode
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.stores import ModeOption, footer, newest_run, open_mode, told
from engine.cli.venues import BooksOption
from engine.settings import load_settings
from state import Costs, Store
from state.ledger import Account, Balances

ZERO = Decimal(0)
CENT = Decimal("0.01")
SHOWN_DECIMALS = 8  # the mean of two quotes, which is a float, has more


def command(
    run: Annotated[str | None, typer.Option("--run", help="The run; by default the newest.")] = None,
    venue: BooksOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """List what the account of a run holds, with profit that is made and that is open, fees, and what trading cost."""
    settings = load_settings(config)
    store = open_mode(settings, mode)
    found = newest_run(store, run, venue)
    balances, costs = store.balances(found["book"]), store.costs(found["book"])
    rows = positions_of(store, found["book"], balances)
    account = sums_of(store, found["book"], balances, rows)
    if json:
        named = {"run": found["id"], "book": found["book"], "positions": rows, "account": account}
        print_json({**told(store), **named, "costs": costs._asdict()})
    else:
        _print(rows, account, costs, found["id"])
        print(footer(settings, store, mode, found))
    return ExitCode.GOOD


def positions_of(store: Store, book: str, balances: Balances) -> list[dict[str, Any]]:
    """Every (strategy, symbol) that was ever traded; ``mark`` and ``unrealised`` are None where no price is known."""
    marks = store.marks(book)
    keys = sorted({(k.strategy, k.symbol) for k in balances if k.account is Account.POSITION})
    rows = []
    for strategy, symbol in keys:
        held, mark = balances.holding(strategy, symbol), marks.get(symbol)
        is_open = held.quantity != 0
        rows.append({
            "strategy": strategy, "symbol": symbol, "quantity": held.quantity, "entry": held.entry,
            "mark": mark if is_open else None,
            "unrealised": (None if mark is None else held.unrealised(mark)) if is_open else ZERO,
            "realised": -balances.amount(Account.REALISED, strategy, symbol),
            "fees": balances.amount(Account.FEES, strategy, symbol),
        })  # fmt: skip
    return rows


def sums_of(store: Store, book: str, balances: Balances, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The account as a whole, in money; ``unrealised`` is None where some price is not known. The ledger has what
    contracts were sold for as cash; who sold one holds NO, and the dollar that it may cost cannot be spent."""
    unrealised = [row["unrealised"] for row in rows]
    kept_back = _kept_back(store, book, rows)
    return {
        "cash": balances.total(Account.CASH) - kept_back,
        "kept_back": kept_back,
        "deposited": -balances.total(Account.TRANSFERS),
        "owed_by_settlements": balances.total(Account.SETTLEMENT),
        "realised": -balances.total(Account.REALISED),
        "unrealised": None if None in unrealised else sum(unrealised, ZERO),
        "fees": balances.total(Account.FEES),
        "unexplained": -balances.total(Account.DIFFERENCES),
    }


def _kept_back(store: Store, book: str, rows: list[dict[str, Any]]) -> Decimal:
    """Dollars that contracts held short may cost."""
    short = {row["symbol"]: -row["quantity"] for row in rows if row["quantity"] < 0}
    told = (run["conditions"] for run in store.runs() if short and run["book"] == book and run["conditions"])
    contracts = {i["symbol"] for said in told for i in said.get("instruments", ()) if i["kind"] == "binary"}
    return sum((-row["quantity"] for row in rows if row["quantity"] < 0 and row["symbol"] in contracts), ZERO)


def _print(rows: list[dict[str, Any]], account: dict[str, Any], costs: Costs, run: str) -> None:
    header = ("strategy", "symbol", "quantity", "entry", "mark", "unrealised", "realised", "fees")
    cells = [
        (row["strategy"], row["symbol"], _plain(row["quantity"]), _plain(row["entry"]), _plain(row["mark"]),
         _money(row["unrealised"]), _money(row["realised"]), _money(row["fees"]))
        for row in rows
    ]  # fmt: skip
    if rows:
        print_columns([header, *cells], right=range(2, len(header)))
    count = sum(1 for row in rows if row["quantity"])
    print(
        f"{count} open position(s) of run {run}: cash {_money(account['cash'])}, realised "
        f"{_money(account['realised'])}, unrealised {_money(account['unrealised'])}, fees {_money(account['fees'])}"
    )
    if account["owed_by_settlements"] or account["unexplained"]:
        print(
            f"settlements owe {_money(account['owed_by_settlements'])}; {_money(account['unexplained'])} came by "
            "corrections"
        )
    if costs.measured:
        print(
            f"{costs.fills} fills cost {_money(costs.slippage)} of slippage against the market when they were decided "
            f"(half its spread: {_money(costs.half_spread)}) and {_money(costs.fees)} of fees"
        )


def _money(value: Decimal | None) -> str:
    if value is None:
        return "unknown"
    cents = value.quantize(CENT)
    return f"{'-' if cents < 0 else ''}${abs(cents):,f}"


def _plain(value: Decimal | None) -> str:
    return "-" if value is None else f"{round(value, SHOWN_DECIMALS).normalize():f}"
