"""``engine sweep``: many parameter sets over recorded data, chosen on its past, looked at once on its end."""

from __future__ import annotations

import json as json_text
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from engine.cli.assemble import Assembly, DataChoice, assemble
from engine.cli.backtest import day, rules_of, split
from engine.cli.collector import no_collector
from engine.cli.console import Advance, err, out, print_json, progress
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.rules import load_rules
from engine.cli.stores import store_of
from engine.cli.sweep.ledger import LedgerMemory
from engine.cli.sweep.work import Problem
from engine.cli.sweep.workers import workers
from engine.cli.version import __version__
from engine.cli.whole import refuse_unwritable, write_whole
from engine.language.parser import SECONDS
from engine.market.columns import MarketColumns
from engine.market.events import NANOS
from engine.report.sweep import sweep_tables
from engine.report.tables import print_table
from engine.research.results import iso_utc
from engine.research.sweep.fingerprint import fingerprint
from engine.research.sweep.results import SweepFile, to_text
from engine.research.sweep.search import Method, make_search
from engine.research.sweep.space import Space, space_of
from engine.research.sweep.splits import Wish
from engine.research.sweep.splits import split as split_data
from engine.research.sweep.study import Choice, run_sweep
from engine.research.sweep.writing import sweep_file
from engine.ruleset.linker import SHARED
from engine.ruleset.rules import Ruleset
from engine.settings import load_settings
from state import Mode, Store, SweepRow, open_store


def command(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="Name of a pack, or a folder of rules.")],
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="Recorded market data, as for a back-test.")],
    symbols: Annotated[
        list[str] | None, typer.Option("--symbols", help="Symbols instead of the pack's; repeat or use commas.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day in the pack's timezone, 2011-01-03.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day, included.")] = None,
    max_runs: Annotated[int, typer.Option("--max-runs", metavar="N", min=1, help="Most sets to try.")] = 200,
    search: Annotated[
        Literal["grid", "random", "tpe"], typer.Option("--search", help="How sets are found; tpe needs optuna.")
    ] = "grid",
    top_n: Annotated[
        int, typer.Option("--top-n", metavar="N", min=1, help="How many sets are looked at on the holdout.")
    ] = 20,
    file: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Results file to write, JSON.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="For --search random and tpe.")] = 7,
    team: Annotated[
        str | None,
        typer.Option("--workers", metavar="N|ADDRESS", help="Processes, or a Dask scheduler.  [default: the cores]"),
    ] = None,
    holdout: Annotated[
        float, typer.Option("--holdout", metavar="SHARE", min=0.05, max=0.9, help="Share of the data held back.")
    ] = 0.25,
    folds: Annotated[int, typer.Option("--folds", metavar="N", min=1, help="Steps of the walk forward.")] = 4,
    embargo: Annotated[
        str | None, typer.Option("--embargo", metavar="TIME", help="As 2d or 90m.  [default: 1% of the ticks]")
    ] = None,
    purge: Annotated[
        str, typer.Option("--purge", metavar="TIME", help="Drop what closed that shortly before a boundary.")
    ] = "0s",
    min_trades: Annotated[
        int, typer.Option("--min-trades", metavar="N", min=0, help="Sets with fewer in validation rank last.")
    ] = 30,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Try the values that a pack's rules may be searched over. Stop it any time: the same command goes on."""
    settings = load_settings(config)
    wish = Wish(holdout, folds, None if embargo is None else duration(embargo, "--embargo"), duration(purge, "--purge"))
    paths, names = rules_of(pack, settings.rules.paths)
    rules = load_rules(paths, names)
    name = _only_pack(rules.ruleset, pack)
    space = space_of(rules.ruleset, name)
    span = (day(first, "--from"), day(last, "--to"))
    choice = DataChoice("replay", data, split(symbols), *span, settings.market.seed, 1)
    assembly = assemble(settings, rules.ruleset, choice)
    asked = Asked(name, search, seed, max_runs, Choice(top_n, min_trades, _around(space, max_runs)), wish)
    refuse_unwritable(file, "--out")
    with no_collector():
        market = _read(assembly)
        splits = split_data(market.times, assembly.timezone, wish)
        problem = Problem(assembly, market, splits, settings.paper.fill_model)
        store = open_store(store_of(settings), Mode.PAPER)
        try:
            results = sweep(problem, space, asked, store, team)
        finally:
            store.close()
    if file is not None:
        write_whole(file, to_text(results))
    if json:
        print_json(results.model_dump(mode="json"))
    else:
        for table in sweep_tables(results):
            print_table(table, out())
        if file is not None:
            out().print(f"results written to {file}; `engine report sweep {file} --html FILE` draws them")
    return ExitCode.GOOD


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    pack: str
    method: Method
    seed: int
    max_runs: int
    choice: Choice
    wish: Wish


def sweep(problem: Problem, space: Space, asked: Asked, store: Store, team: str | None) -> SweepFile:
    """Run a sweep or the rest of one, with a progress bar on a terminal."""
    row = _identity(problem, space, asked)
    memory = LedgerMemory(store, row)
    total = min(asked.max_runs, space.size + 1)
    if 0 < memory.before < total:
        err().print(f"sweep {row.id}: {memory.before} of {total} sets are kept from before; going on with the rest")
    search = make_search(asked.method, space, asked.max_runs - asked.choice.around, asked.seed)
    with ExitStack() as stack:
        team_of = stack.enter_context(workers(team, problem))
        bar = stack.enter_context(_bar(total, asked.choice.top))
        try:
            outcome = run_sweep(space, search, problem.splits, asked.choice, team_of, memory, bar)
        except KeyboardInterrupt:
            err().print(f"stopped; what is done is kept as sweep {row.id}: the same command goes on with the rest")
            raise
    return sweep_file(
        outcome, space, problem.splits, _described(row, problem, asked),
        {
            "sweep": len(outcome.sets),
            "pack_on_this_data": store.trials.count(asked.pack, row.data),
            "pack": store.trials.count(asked.pack),
            "sharpe_variance": store.trials.sharpe_variance(asked.pack, row.data),
        },
        store.trials.looks(row.holdout_ns, row.last_ns)._asdict(),
    )  # fmt: skip


def _identity(problem: Problem, space: Space, asked: Asked) -> SweepRow:
    """The row of the ledger; its id is taken over all that decides the results."""
    assembly, market, splits = problem.assembly, problem.market, problem.splits
    plan: dict[str, Any] = {
        "search": asked.method, "max_runs": asked.max_runs, "top_n": asked.choice.top,
        "min_trades": asked.choice.min_trades, "around": asked.choice.around, "splits": splits.to_json(),
        "timezone": assembly.timezone,
        "space": {d.key: d.values for d in space.dimensions}, "conditions": conditions(problem),
        "universe": {s.key: s.universe for s in assembly.ruleset.strategies}, "execution": assembly.execution,
    }  # fmt: skip
    data, version = fingerprint(market), __version__
    whole = json_text.dumps([asked.pack, assembly.ruleset.sha256, data, asked.seed, plan, version], sort_keys=True)
    return SweepRow(
        sha256(whole.encode()).hexdigest()[:16], asked.pack, assembly.ruleset.sha256, data, assembly.describe_data(),
        int(market.times[0]), int(market.times[-1]), splits.boundary_ns, asked.seed, plan, version,
    )  # fmt: skip


def conditions(problem: Problem) -> dict[str, str]:
    """Cash, costs and fills of the paper broker, as text."""
    assembly = problem.assembly
    said = {name: str(value) for name, value in sorted(assembly.settings.paper.model_dump().items())}
    rates = {f"contract_rate {ticker}": str(rate) for ticker, rate in sorted(assembly.contract_rates.items())}
    return {**said, **rates, "fill_model": problem.fills}


def _described(row: SweepRow, problem: Problem, asked: Asked) -> dict[str, Any]:
    return {
        "sweep": row.id, "pack": row.pack, "ruleset_sha256": row.ruleset_sha, "version": row.version,
        "fingerprint": row.data, "described": row.described, "timezone": problem.assembly.timezone,
        "conditions": conditions(problem), "method": asked.method, "seed": asked.seed, "max_runs": asked.max_runs,
        "top_n": asked.choice.top, "min_trades": asked.choice.min_trades, "first": iso_utc(row.first_ns),
        "last": iso_utc(row.last_ns),
    }  # fmt: skip


def _read(assembly: Assembly) -> MarketColumns:
    """All of the data, with a progress bar on a terminal."""
    source = assembly.source()
    share: Callable[[], float] | None = getattr(source, "progress", None)
    with progress("reading", 1.0) as advance:
        shown = 0.0

        def notice() -> None:
            nonlocal shown
            done = share() if share is not None else shown
            advance(done - shown)
            shown = done

        return MarketColumns.read(source, notice)


class _bar:
    """Counts sets of both parts on one bar."""

    def __init__(self, total: int, top: int) -> None:
        self._stack = ExitStack()
        self._total = float(total + min(top, total))
        self._advance: Advance = lambda done: None

    def __enter__(self) -> Callable[[str, int], None]:
        self._advance = self._stack.enter_context(progress("sets", self._total))
        return lambda part, done: self._advance(float(done))

    def __exit__(self, *error: object) -> None:
        self._stack.close()


def _around(space: Space, max_runs: int) -> int:
    """How many of the runs are kept for the neighbours of the best set: none where all sets are tried anyway."""
    return 0 if space.size <= max_runs else min(2 * len(space.dimensions), max_runs // 4)


def _only_pack(ruleset: Ruleset, asked: str) -> str:
    found = [name for name in ruleset.packs if name != SHARED]
    if len(found) != 1:
        raise UserError(f"{asked} holds {len(found)} packs ({', '.join(found) or 'none'}); name the one to sweep")
    return found[0]


def duration(text: str, option: str) -> int:
    """A time such as ``90m`` in nanoseconds; raises UserError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|[smhd])", text.strip())
    if match is None:
        raise UserError(f"{option} {text} is no time; write it as 2d, 12h, 90m or 30s")
    return round(float(match[1]) * SECONDS[match[2]] * NANOS)
