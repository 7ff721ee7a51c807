"""``engine signals summary`` and ``engine replay signals``: what the event log says of signals, and what came after."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from connectors.replay import ReplaySource
from engine.cli.beside import events_file
from engine.cli.console import err, print_columns, print_json
from engine.cli.data import venue_data
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.stores import store_of
from engine.execute.outcomes import OUTCOMES
from engine.market.events import Bar, Quote, Tick
from engine.market.inputs import History, Past
from engine.research.signal_events import (
    MINUTE_NS,
    Event,
    Expectancy,
    Prices,
    expectancies,
    last_signals,
    summarize,
)
from engine.settings import Settings, load_settings
from state import Mode, StoreError, open_store
from state.events import read_events

FIELDS = ("setup", "outcome", "time_ns", "symbol", "run")


def summary(
    events: Annotated[
        Path | None, typer.Option("--events", metavar="FILE", help="The event log.  [default: that of the settings]")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """How many signals each setup had, and what became of them, from the event log of all runs."""
    settings = load_settings(config)
    path = events or events_file(settings)
    counts = summarize(recorded(settings, path))
    if json:
        print_json({"file": path, "setups": counts})
        return ExitCode.GOOD
    if counts:
        header = ["setup", *OUTCOMES]
        rows = [[setup, *(str(found.get(name, 0)) for name in OUTCOMES)] for setup, found in counts.items()]
        print_columns([header, *rows], right=range(1, len(header)))
    total = sum(found.get("generated", 0) for found in counts.values())
    print(f"{total} signal(s) of {len(counts)} setup(s) in {path}")
    return ExitCode.GOOD


def replay_signals(
    settings: Settings, limit: int, horizon_minutes: float, data: Path | None, as_json: bool
) -> int:
    """Print how prices went on after the last ``limit`` signals."""
    path = events_file(settings)
    signals = last_signals(recorded(settings, path), limit)
    if not signals:
        raise UserError(f"{path} has no signal yet; `engine run` writes them", ExitCode.NO)
    prices = _of_files(data, signals) if data is not None else _of_stores(settings, signals)
    found = expectancies(signals, prices, int(horizon_minutes * MINUTE_NS))
    if as_json:
        rows = [{name: getattr(one, name) for name in (*Expectancy.__slots__, "unknown")} for one in found]
        print_json({"file": path, "signals": len(signals), "horizon_minutes": horizon_minutes, "expectancy": rows})
        return ExitCode.GOOD
    header = ["setup", "outcome", "signals", "unknown", "mean bps", "± error", "hits"]
    rows_ = [
        [one.setup, one.outcome, str(one.signals), str(one.unknown), _number(one.mean), _number(one.error),
         "-" if one.hit_rate is None else f"{one.hit_rate:.0%}"]
        for one in found
    ]  # fmt: skip
    print_columns([header, *rows_], right=range(2, len(header)))
    print(f"the last {len(signals)} signal(s) of {path}, {horizon_minutes:g} minutes after each, before costs")
    return ExitCode.GOOD


def recorded(settings: Settings, path: Path) -> list[Event]:
    """Every event of the log. A line that cannot be read is named and left out; UserError where there is no log."""
    if not path.exists():
        raise UserError(f"there is no event log at {path}; `engine run` writes one")
    found: list[Event] = []
    for place, event in read_events(path, settings.events.keep):
        if event is None or (event.get("event") == "signal" and any(name not in event for name in FIELDS)):
            err().print(f"{place}: this is no event, and is left out", markup=False)
        else:
            found.append(event)
    return found


def _of_stores(settings: Settings, signals: Iterable[Event]) -> dict[tuple[str, str], Prices]:
    """The market as each run saw it, from the stores' own inputs."""
    prices: dict[tuple[str, str], Prices] = {}
    runs = sorted({(str(signal.get("mode", Mode.PAPER)), str(signal["run"])) for signal in signals})
    for mode, run in runs:
        try:
            store = open_store(store_of(settings, Mode(mode)), create=False)
            store.run(run)
        except (StoreError, ValueError) as error:
            err().print(f"run {run}: {error}; its signals are unknown", markup=False)
            continue
        ticks = (item.tick if isinstance(item, History | Past) else item for item in store.inputs(run))
        _collect(prices, run, (tick for tick in ticks if isinstance(tick, Tick)))
        store.close()
    return prices


def _of_files(root: Path, signals: Iterable[Event]) -> dict[tuple[str, str], Prices]:
    """Recorded market data: a folder of bars, candles, or a capture."""
    wanted = sorted({str(signal["symbol"]) for signal in signals})
    there = venue_data(root, None, None)
    if there is not None:
        ticks = there.ticks_of([s for s in wanted if s in there.instruments], frozenset()).ticks()
    else:
        known = ReplaySource(root, None, None, None).symbols_available()
        ticks = ReplaySource(root, [s for s in wanted if s in known] or None, None, None).ticks()
    prices: dict[tuple[str, str], Prices] = {}
    _collect(prices, "", ticks)
    return prices


def _collect(prices: dict[tuple[str, str], Prices], run: str, ticks: Iterable[Tick]) -> None:
    """Closes of bars; of a symbol without bars the middle of its quotes."""
    with_bars: set[str] = set()
    for tick in ticks:
        for event in tick.events:
            if isinstance(event, Bar):
                if event.symbol not in with_bars:
                    with_bars.add(event.symbol)
                    prices[run, event.symbol] = Prices()
                _add(prices[run, event.symbol], tick.time_ns, event.close)
            elif isinstance(event, Quote) and event.symbol not in with_bars:
                _add(prices.setdefault((run, event.symbol), Prices()), tick.time_ns, _middle(event))


def _middle(quote: Quote) -> float | None:
    return None if quote.bid is None or quote.ask is None else (quote.bid + quote.ask) / 2


def _add(prices: Prices, time_ns: int, value: float | None) -> None:
    if value is None or value != value:
        return
    if not prices.times_ns or time_ns >= prices.times_ns[-1]:
        prices.times_ns.append(time_ns)
        prices.values.append(value)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
