"""``engine signals fit-flow``: how much trade flow says about a price, found walk-forward."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connectors.alpha.file import replace_text
from connectors.alpha.models import iso, moment_of
from engine.cli.clock import now_ns
from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, ExchangeOption, JsonOption
from engine.cli.signals.flow import Tape, from_files, settled_from_venue
from engine.cli.signals.shared import (
    CalibrationOption,
    DomainOption,
    MarketsOption,
    SeriesOption,
    domain_of,
    facts_of,
    seconds,
    sorted_trades,
)
from engine.market.trades import PublicTrade
from engine.research.flow.features import FlowSettings
from engine.research.flow.fit import Fitted, walk_forward
from engine.research.flow.parameters import (
    CalibrationUsed,
    Data,
    FlowParameters,
    Label,
    folds_of,
    numbers,
    settings_of,
)
from engine.research.flow.samples import Domain, samples_of
from engine.settings import Settings, load_settings


def fit_flow(
    input_: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="Trades, instead of the venue's.")
    ] = None,
    markets: MarketsOption = None,
    series: SeriesOption = None,
    ahead: Annotated[
        str | None,
        typer.Option("--ahead", metavar="T", help="Predict the price so much later, instead of how markets end."),
    ] = None,
    every: Annotated[str, typer.Option("--every", metavar="T", help="How often a market is looked at.")] = "15m",
    folds: Annotated[int, typer.Option("--folds", min=2, max=50, help="Stretches of time to judge.")] = 5,
    window: Annotated[str, typer.Option("--window", metavar="T", help="How far back trades count.")] = "6h",
    half_life: Annotated[str, typer.Option("--half-life", metavar="T", help="When a trade counts half.")] = "30m",
    cap: Annotated[
        float, typer.Option("--cap", min=1, help="Most that one trade counts, in medians of its window.")
    ] = 5.0,
    least_trades: Annotated[int, typer.Option("--least-trades", min=2, help="Fewer in a window say nothing.")] = 20,
    most_move: Annotated[
        float, typer.Option("--most-move", min=0.001, max=0.5, help="Farthest that fair may lie from the price.")
    ] = 0.05,
    calibration: CalibrationOption = None,
    domain: DomainOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The parameter file.  [default: signals.flow]")
    ] = None,
    exchange: ExchangeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Fit the flow model fold by fold, each on what was known before it, and write what was found.

    Exit code 1: the folds were no better than the market's own price, and signals built with the file will say just
    that price.
    """
    settings = load_settings(config, {"kalshi.base_url": exchange})
    flow = FlowSettings(
        seconds(window, "--window"), seconds(half_life, "--half-life"), cap, least_trades=least_trades,
        most_move=most_move,
    )  # fmt: skip
    tape, table = _tape(settings, input_, markets, series, ahead), domain_of(calibration, domain)
    trades = sorted_trades(tape.trades, tape.name)
    facts = {ticker: facts_of(row) for ticker, row in tape.markets.items()}
    later = None if ahead is None else seconds(ahead, "--ahead")
    samples = samples_of(trades, facts, flow, tape.until_ns, seconds(every, "--every"), later, table)
    fitted = walk_forward(samples, folds)
    label = Label(kind="outcome") if later is None else Label(kind="price", ahead=later)
    report = _report(fitted, flow, label, table, trades)
    path = out or settings.signals.flow
    replace_text(path, report.rendered())
    if json:
        print_json({"file": path, **report.model_dump(mode="json")})
    else:
        _print(report, path)
    return ExitCode.GOOD if report.better else ExitCode.NO


def _tape(
    settings: Settings, trades: Path | None, markets: Path | None, series: str | None, ahead: str | None
) -> Tape:
    if (trades is None) == (series is None):
        raise UserError("trades come from a file or from the venue: give --input FILE or --series S")
    if trades is None:
        assert series is not None
        return settled_from_venue(settings, series, now_ns())
    tape = from_files(trades, markets)
    if ahead is None and not any(row.result is not None and row.settled_ns for row in tape.markets.values()):
        raise UserError(
            "how markets ended is not known: add --markets FILE with result and settled_time, or predict the price "
            "with --ahead 30m"
        )
    return tape


def _report(
    fitted: Fitted, flow: FlowSettings, label: Label, table: Domain | None, trades: dict[str, list[PublicTrade]]
) -> FlowParameters:
    times = [trade.time_ns for own in trades.values() for trade in (own[0], own[-1])]
    return FlowParameters(
        made_at=_iso(now_ns()), settings=settings_of(flow), label=label,
        calibration=None if table is None else CalibrationUsed(domain=table.name, sha256=table.table.sha256),
        data=Data(
            trades=sum(len(own) for own in trades.values()), markets=len(trades), events=fitted.events,
            samples=fitted.samples, first=_iso(min(times)), last=_iso(max(times)),
        ),
        folds=folds_of(fitted, _iso), gain=fitted.gain, gain_low=fitted.gain_low, better=fitted.better,
        fitted=numbers(fitted.coefficients), in_force=numbers(fitted.in_force),
    )  # fmt: skip


def _iso(time_ns: int) -> str:
    return iso(moment_of(time_ns))


def _print(report: FlowParameters, path: Path) -> None:
    data = report.data
    print(f"{data.trades} trades of {data.markets} markets, {data.samples} looks at {data.events} events")
    for fold in report.folds:
        found = fold.coefficients
        print(
            f"  {fold.begins} to {fold.ends}: flow {found.flow:+.3f}, calibration {found.calibration:.2f} from "
            f"{fold.train_events} events; log-loss {fold.model_log_loss:.5f}, the market's {fold.market_log_loss:.5f}, "
            f"over {fold.test_events} events"
        )
    print(f"log-loss less than the market's by {report.gain:+.5f} an event, at least {report.gain_low:+.5f} (95%)")
    force = report.in_force
    if report.better:
        print(f"better than the market's price: flow {force.flow:+.3f}, calibration {force.calibration:.2f}")
    else:
        print("no better than the market's price, so that price is what signals will say")
    print(f"written: {path}")
