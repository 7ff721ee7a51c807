"""``engine signals build``: a signal file from somebody's probabilities, or from public trade flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from connectors.alpha.candidates import read_candidates
from connectors.alpha.file import replace_text, write_alpha
from connectors.alpha.models import Signal, iso, moment_of
from connectors.kalshi.fees import TAKER_RATE
from engine.cli.clock import now_ns
from engine.cli.console import err, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, ExchangeOption, JsonOption
from engine.cli.signals.flow import Tape, from_files, from_venue
from engine.cli.signals.shared import (
    CalibrationOption,
    DomainOption,
    MarketsOption,
    SeriesOption,
    domain_of,
    facts_of,
    read_text,
    seconds,
    sorted_trades,
)
from engine.market.events import NANOS
from engine.report.signals import message, signals_csv
from engine.research.calibration import Calibration, load_calibration
from engine.research.flow.calibration import Line
from engine.research.flow.features import features
from engine.research.flow.model import belief, fair
from engine.research.flow.parameters import FlowParameters, parse_parameters
from engine.research.flow.samples import Domain
from engine.research.ranking import Candidate, Ranked, rank
from engine.settings import Settings, load_settings

VALID_FOR = {"csv": "24h", "flow": "2h"}


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where a signal came from, and from when to when it counts."""

    as_of: datetime
    expiry: datetime
    source: str


def build(
    source: Annotated[Literal["csv", "flow"], typer.Option("--source", help="Somebody's rows, or public trades.")],
    input_: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="csv: the rows; flow: trades instead of the venue's.")
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", metavar="N", min=1, help="How many signals to keep.")] = 20,
    bankroll: Annotated[float, typer.Option("--bankroll", metavar="$", min=0.01, help="Money for stakes.")] = 100,
    fraction: Annotated[
        float, typer.Option("--kelly-fraction", min=0.01, max=1, help="Share of the Kelly stake.")
    ] = 0.25,
    valid_for: Annotated[
        str | None, typer.Option("--valid-for", metavar="T", help="How long signals count.  [csv: 24h, flow: 2h]")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write the ranking as CSV.")] = None,
    text: Annotated[Path | None, typer.Option("--message", metavar="FILE", help="Write a message for a chat.")] = None,
    alpha: Annotated[
        Path | None, typer.Option("--alpha", metavar="FILE", help="The signal file.  [default: signals.alpha]")
    ] = None,
    tickers: Annotated[
        list[str] | None, typer.Option("--tickers", help="flow: only these markets; repeat or use commas.")
    ] = None,
    series: SeriesOption = None,
    markets: MarketsOption = None,
    params: Annotated[
        Path | None, typer.Option("--params", metavar="FILE", help="What fit-flow found.  [default: signals.flow]")
    ] = None,
    calibration: CalibrationOption = None,
    domain: DomainOption = None,
    correct: Annotated[
        Path | None, typer.Option("--correct", metavar="FILE", help="Correct them by what `engine calibrate` found.")
    ] = None,
    exchange: ExchangeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Write the signal file: the best N by edge and Kelly where prices are known, else by confidence.

    csv needs ticker, fair_yes_probability and confidence in every row, and takes yes_ask, no_ask or yes_bid, title,
    as_of, expiry and source. A row that is wrong is named, and nothing is written.
    """
    settings = load_settings(config, {"kalshi.base_url": exchange})
    valid = timedelta(seconds=seconds(valid_for or VALID_FOR[source], "--valid-for"))
    if source == "csv":
        _only_flow(
            tickers=tickers, series=series, markets=markets, params=params, calibration=calibration, domain=domain
        )
        candidates, stamps = _from_rows(input_, valid)
    else:
        wanted = [word.strip() for told in tickers or [] for word in told.split(",") if word.strip()]
        if input_ is not None and series is not None:
            raise UserError("--series asks the venue, and --input reads a file; give one of them")
        parameters = _parameters(params or settings.signals.flow)
        tape = _tape(settings, parameters, input_, markets, wanted, series)
        candidates, stamps = _from_flow(tape, wanted, parameters, domain_of(calibration, domain), valid)
    said = {one.ticker: one.fair for one in candidates} if correct is not None else {}
    if correct is not None:
        candidates = _corrected(candidates, load_calibration(correct))
    ranked = rank(candidates, bankroll, fraction, float(TAKER_RATE))
    kept, path = ranked[:top_k], alpha or settings.signals.alpha
    _write(kept, stamps, said, bankroll, path, output, text)
    _tell(kept, ranked, path, output, text, json)
    return ExitCode.GOOD


def _only_flow(**options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise UserError(f"--{name} is for --source flow")


# -- csv ---------------------------------------------------------------------------------------------------------------


def _from_rows(path: Path | None, valid: timedelta) -> tuple[list[Candidate], dict[str, Stamp]]:
    if path is None:
        raise UserError("--source csv needs --input FILE with ticker, fair_yes_probability and confidence")
    read = read_candidates(path)
    if read.unused:
        err().print(f"{path}: columns that are not used: {', '.join(read.unused)}")
    now = moment_of(now_ns())
    stamps = {}
    for row in read.rows:
        as_of = row.as_of or now
        stamps[row.ticker] = Stamp(as_of, row.expiry or as_of + valid, row.source or path.name[:80])
        if stamps[row.ticker].expiry <= as_of:
            raise UserError(f"{path}: {row.ticker}: expiry {iso(stamps[row.ticker].expiry)} is not after its as_of")
    found = [Candidate(r.ticker, r.fair, r.confidence, r.yes_ask, r.no_ask, r.title) for r in read.rows]
    return found, stamps


# -- flow --------------------------------------------------------------------------------------------------------------


def _parameters(path: Path) -> FlowParameters:
    if not path.exists():
        raise UserError(
            f"there are no fitted flow parameters at {path}: `engine signals fit-flow` finds them, walk-forward, from "
            "trades of markets whose outcome or later price is known"
        )
    return parse_parameters(read_text(path, "file"), str(path))


def _tape(
    settings: Settings, parameters: FlowParameters, trades: Path | None, markets: Path | None, tickers: Sequence[str],
    series: str | None,
) -> Tape:  # fmt: skip
    if trades is not None:
        return from_files(trades, markets)
    if markets is not None:
        raise UserError("--markets says what a file of trades does not: add --input FILE; the venue tells it itself")
    now = now_ns()
    return from_venue(settings, tickers, series, now - int(parameters.settings.window * NANOS), now)


def _from_flow(
    tape: Tape, wanted: Sequence[str], parameters: FlowParameters, domain: Domain | None, valid: timedelta
) -> tuple[list[Candidate], dict[str, Stamp]]:
    """A candidate for each market with enough trades; how many have too few is said."""
    _same_table(parameters, domain)
    settings, coefficients = parameters.settings.settings(), parameters.in_force.coefficients()
    if not parameters.better:
        err().print("the fitted flow was no better than the market's price: fair probabilities are the market's own")
    as_of = moment_of(tape.until_ns)
    stamp = Stamp(as_of, as_of + valid, "flow")
    found: list[Candidate] = []
    few: list[str] = []
    unended: list[str] = []
    for ticker, own in sorted_trades(tape.trades, tape.name).items():
        if wanted and ticker not in wanted:
            continue
        seen, row = features(own, tape.until_ns, settings), tape.markets.get(ticker)
        line = Line() if domain is None else domain.line(facts_of(row), tape.until_ns) if row is not None else None
        if seen is None or line is None:
            (few if seen is None else unended).append(ticker)
            continue
        no_ask = None if row is None or row.yes_bid is None else 1 - row.yes_bid
        found.append(Candidate(
            ticker, fair(seen, line, coefficients, settings), belief(seen, settings),
            None if row is None else row.yes_ask, no_ask,
        ))  # fmt: skip
    _tell_left_out(few, unended, settings.least_trades, parameters.settings.window)
    if not found:
        raise UserError(f"{tape.name}: no market has {settings.least_trades} trades in its window; there is no signal")
    return found, {candidate.ticker: stamp for candidate in found}


def _same_table(parameters: FlowParameters, domain: Domain | None) -> None:
    """What was fitted with a table is used with that table, and with no other."""
    used = parameters.calibration
    if (used.sha256 if used else None) == (domain.table.sha256 if domain else None):
        return
    if used is None:
        raise UserError("the flow parameters were fitted without a calibration table: leave it out, or fit anew")
    raise UserError(
        f"the flow parameters were fitted with a calibration table (sha256 {used.sha256[:12]}…, domain {used.domain}): "
        "give the same one with --calibration, or fit anew"
    )


def _tell_left_out(few: Sequence[str], unended: Sequence[str], least: int, window: float) -> None:
    if few:
        err().print(f"left out, with fewer than {least} trades in {window / 3600:g} h: {_named(few)}")
    if unended:
        err().print(f"left out, because calibration needs to know when they end: {_named(unended)}")


def _named(tickers: Sequence[str]) -> str:
    return ", ".join(tickers[:10]) + (f" and {len(tickers) - 10} more" if len(tickers) > 10 else "")


# -- correction --------------------------------------------------------------------------------------------------------


def _corrected(candidates: Sequence[Candidate], calibration: Calibration) -> list[Candidate]:
    """The same candidates at corrected probabilities, and a word about the correction."""
    basis, method = calibration.fitted_on, calibration.map.method
    err().print(f"fair probabilities are corrected by {method}, fitted on {basis.events} events up to {basis.last}")
    return [replace(one, fair=calibration.apply(one.fair)) for one in candidates]


# -- writing -----------------------------------------------------------------------------------------------------------


def _write(
    kept: Sequence[Ranked], stamps: Mapping[str, Stamp], said: Mapping[str, float], bankroll: float, path: Path,
    output: Path | None, text: Path | None,
) -> None:  # fmt: skip
    signals = [
        Signal(
            ticker=one.candidate.ticker, fair_yes_probability=one.candidate.fair, confidence=one.candidate.confidence,
            as_of=stamp.as_of, expiry=stamp.expiry, source=stamp.source,
            said_yes_probability=said.get(one.candidate.ticker),
        )
        for one in kept
        for stamp in (stamps[one.candidate.ticker],)
    ]  # fmt: skip
    now = moment_of(now_ns())
    if output is not None:
        replace_text(output, signals_csv(kept))
    if text is not None:
        replace_text(text, message(kept, bankroll, iso(max(s.as_of for s in signals))))
    write_alpha(path, signals, now)


def _tell(
    kept: Sequence[Ranked], ranked: Sequence[Ranked], path: Path, output: Path | None, text: Path | None, as_json: bool
) -> None:
    if as_json:
        print_json({
            "alpha": path, "output": output, "message": text, "rows": len(ranked), "kept": len(kept),
            "signals": [_plain(one) for one in kept],
        })  # fmt: skip
        return
    unpriced = sum(1 for one in kept if one.edge is None)
    priced = f"; the price of {unpriced} is not known, they come last" if unpriced else ""
    print(f"{len(kept)} of {len(ranked)} signals are in {path}{priced}")
    for file in (output, text):
        if file is not None:
            print(f"written: {file}")


def _plain(one: Ranked) -> dict[str, Any]:
    candidate = one.candidate
    return {
        "ticker": candidate.ticker, "side": one.side, "fair_yes_probability": candidate.fair,
        "confidence": candidate.confidence, "price": one.price, "edge": one.edge, "kelly": one.kelly,
        "stake": one.stake, "contracts": one.contracts,
    }  # fmt: skip
