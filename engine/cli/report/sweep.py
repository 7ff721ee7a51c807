"""``engine report sweep``: a results file as tables and as a page, or every sweep that the ledger has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.console import out, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.stores import store_of
from engine.cli.whole import refuse_unwritable, write_whole
from engine.report.layout import Column, Table, clean, count
from engine.report.sweep import render_sweep, sweep_tables
from engine.report.tables import print_table
from engine.research.results import iso_utc
from engine.research.sweep.results import read_results
from engine.settings import Settings, load_settings
from state import Store, open_store


def command(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Results file of `engine sweep --out`.")
    ] = None,
    page: Annotated[Path | None, typer.Option("--html", metavar="OUT", help="Write one page with heat maps.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Show the results of a sweep. Without a file: every sweep in the store, and how many sets were ever tried."""
    if file is None:
        if page is not None:
            raise UserError("--html needs the results file to draw: engine report sweep FILE --html OUT")
        return _ledger(load_settings(config), json)
    results = read_results(file)
    if page is not None:
        refuse_unwritable(page, "--html")
        write_whole(page, render_sweep(results))
    if json:
        print_json(results.model_dump(mode="json"))
        return ExitCode.GOOD
    for table in sweep_tables(results):
        print_table(table, out())
    if page is not None:
        out().print(f"page written to {page}")
    return ExitCode.GOOD


def _ledger(settings: Settings, as_json: bool) -> int:
    store = open_store(store_of(settings), create=False)
    try:
        sweeps = store.trials.sweeps()
        packs = {row["pack"]: _counts(store, row["pack"]) for row in sweeps}
    finally:
        store.close()
    if as_json:
        print_json({"store": str(store_of(settings)), "packs": packs, "sweeps": [_as_json(row) for row in sweeps]})
        return ExitCode.GOOD
    print_table(_packs_table(packs), out())
    print_table(_sweeps_table(sweeps), out())
    return ExitCode.GOOD


def _counts(store: Store, pack: str) -> dict[str, Any]:
    return {"trials": store.trials.count(pack), "sharpe_variance": store.trials.sharpe_variance(pack)}


def _as_json(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "sweep": row["id"], "time": iso_utc(row["time_ns"]), "pack": row["pack"], "ruleset_sha256": row["ruleset_sha"],
        "data": row["data"], "described": row["described"], "first": iso_utc(row["first_ns"]),
        "last": iso_utc(row["last_ns"]), "holdout": iso_utc(row["holdout_ns"]), "seed": row["seed"],
        "search": row["plan"]["search"], "trials": row["trials"], "holdout_reads": row["holdout_reads"],
    }  # fmt: skip


def _packs_table(packs: dict[str, dict[str, Any]]) -> Table:
    columns = (Column("Pack", numeric=False), Column("Sets ever tried"), Column("Variance of their Sharpe ratios"))
    rows = tuple(
        (clean(pack), count(one["trials"]), "—" if one["sharpe_variance"] is None else f"{one['sharpe_variance']:.6f}")
        for pack, one in packs.items()
    )
    return Table("Trials", columns, rows, "" if rows else "Nothing was tried yet; `engine sweep PACK --data DIR` does.")


def _sweeps_table(sweeps: list[dict[str, Any]]) -> Table:
    columns = (
        *(Column(name, numeric=False) for name in ("Sweep", "Begun", "Pack", "Data", "Search")),
        Column("Sets"), Column("Reads of its holdout"),
    )  # fmt: skip
    rows = tuple(
        (
            row["id"], str(iso_utc(row["time_ns"] // 1_000_000_000 * 1_000_000_000)), clean(row["pack"]),
            clean(row["described"]), row["plan"]["search"], count(row["trials"]), count(row["holdout_reads"]),
        )
        for row in sweeps
    )  # fmt: skip
    return Table("Sweeps", columns, rows, "" if rows else "None.")
