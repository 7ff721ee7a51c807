"""``engine replay FILE``: today's rules over a capture, held against the run that was captured."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.capture.source import CapturedMarkets, CaptureSource
from engine.cli.assemble import Assembly, DataChoice, assemble
from engine.cli.backtest import split
from engine.cli.capture.shared import begin_as, differing, terms_of
from engine.cli.collector import no_collector
from engine.cli.console import err, out, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.passes import PassesBar
from engine.cli.rules import load_rules
from engine.execute.loop import Loop
from engine.report.tables import print_report
from engine.report.trace_text import clock
from engine.research.backtest import Described, result_of, run_through
from engine.research.recorder import StatisticsRecorder
from engine.research.results import BacktestResult
from engine.research.trades import ClosedTrade
from engine.settings import Settings

MOST_TRADES = 40  # that are listed on a terminal; --json has all of them


def replay_capture(
    settings: Settings, path: Path, packs: Sequence[str], parameters: Sequence[str], symbols: list[str] | None,
    session: int | None, as_json: bool,
) -> int:  # fmt: skip
    """Decide on a capture and report trades, the hash of the decisions, and whether a captured run had the same."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; `engine capture --out {path}` makes one")
    market = settings.market
    choice = DataChoice("replay", path, split(symbols), None, None, market.seed, market.days, session)
    rules = load_rules(settings.rules.paths, packs or settings.engine.packs)
    assembly = assemble(settings, rules.ruleset, choice, parameters)
    recorded = assembly.recorded
    if not isinstance(recorded, CapturedMarkets):
        raise UserError(f"{path} is no capture; bars and candles are for `engine backtest PACK --data {path}`")
    begun = recorded.begun()
    other = [] if begun is None else differing(begun["terms"], terms_of(assembly))
    result, source = _run(assembly, recorded, begun if not other else None)
    damage = recorded.capture.damage
    if damage is not None:
        err().print(f"{path}: {damage.lost} bytes from byte {damage.offset} on were half written, and are left out")
    compared = _compare(begun, other, source.notes, result.decisions_sha256)
    if as_json:
        print_json(_report(result, compared, path))
    else:
        print_report(result, out())
        _print_trades(result)
        out().print(compared.words)
    return ExitCode.GOOD if compared.same is not False else ExitCode.NO


def _run(
    assembly: Assembly, recorded: CapturedMarkets, begun: Mapping[str, Any] | None
) -> tuple[BacktestResult, CaptureSource]:
    """Decide on the capture; where it is a run's, ``begun`` puts us where that run began, with all its markets."""
    statistics = StatisticsRecorder()
    fills = assembly.settings.paper.fill_model
    paper = assembly.broker(fills)
    loop = Loop(assembly.decider(), paper, [statistics])
    symbols = assembly.plan_symbols
    if begun is not None:
        begin_as(begun, loop.decider, paper, statistics)
        symbols = list(recorded.instruments)
    source = recorded.ticks_of(symbols, assembly.fact_names())
    described = Described(
        ", ".join(assembly.ruleset.packs), assembly.describe_data(), assembly.describe_parameters(),
        assembly.timezone, assembly.settings.paper.cash,
    )  # fmt: skip
    began = time.perf_counter()
    with no_collector(), PassesBar([fills]) as bar:
        run_through(loop, source, lambda: bar.notice(fills, source))
    seconds = time.perf_counter() - began
    statistics.close_out(loop.decider)
    return result_of(statistics, loop, described, seconds, {}), source


@dataclass(frozen=True, slots=True)
class _Compared:
    """``same`` is None where there is nothing to compare with; ``words`` say why, or what came out."""

    run: str
    same: bool | None
    words: str


def _compare(
    begun: Mapping[str, Any] | None, other: Sequence[str], ends: Mapping[int, Mapping[str, Any]], sha256: str
) -> _Compared:
    """Hold the hash against that of the captured run, where rules and settings are the same."""
    if begun is None:
        why = "the capture holds no paper run to compare with, or several: --session chooses one"
        return _Compared("", None, f"decisions {sha256}; {why}")
    run = begun["run"]
    if other:
        return _Compared(run, None, f"decisions {sha256}; not compared with run {run}: other {', '.join(other)}")
    ended = next(iter(ends.values()), None)
    if ended is None:
        return _Compared(run, None, f"decisions {sha256}; run {run} broke off, so that its hash is not known")
    if ended["halted"]:
        words = f"entries were halted during run {run}, which no capture keeps: `engine replay {run}` decides it again"
        return _Compared(run, None, f"decisions {sha256}; {words}")
    if ended["decisions_sha256"] != sha256:
        then = ended["decisions_sha256"]
        return _Compared(run, False, f"decisions {sha256} came out otherwise: run {run} had {then}")
    return _Compared(run, True, f"decisions {sha256}: the same as in run {run}")


def _print_trades(result: BacktestResult) -> None:
    shown = result.trades[-MOST_TRADES:]
    if not shown:
        return
    left_out = len(result.trades) - len(shown)
    out().print("Trades" + (f", the last {len(shown)} of {len(result.trades)}" if left_out else ""))
    for trade in shown:
        out().print(
            f"  {clock(trade.opened_ns, result.timezone)} {trade.side} {trade.quantity} {trade.symbol} at "
            f"{trade.entry:.4f}, {clock(trade.closed_ns, result.timezone)} out at {trade.exit:.4f} "
            f"({trade.exit_reason}): {trade.net:+.2f}"
        )
    out().print()


def _report(result: BacktestResult, compared: _Compared, path: Path) -> dict[str, Any]:
    return {
        "capture": path, **result.to_json(), "run": compared.run or None, "same_as_run": compared.same,
        "trade_list": [_trade(trade) for trade in result.trades],
    }  # fmt: skip


def _trade(trade: ClosedTrade) -> dict[str, Any]:
    return {
        "strategy": trade.strategy, "symbol": trade.symbol, "side": trade.side, "quantity": trade.quantity,
        "entry": trade.entry, "exit": trade.exit, "opened_ns": trade.opened_ns, "closed_ns": trade.closed_ns,
        "fees": trade.fees, "net": trade.net, "exit_reason": trade.exit_reason,
    }  # fmt: skip
