"""``engine features record``: what the rules of a kept run computed, from its own journal, also while it goes on.

A run writes everything that reaches it into the store, at once and before it decides. Whoever reads that there makes no
tick wait, misses nothing that the run has seen, and may begin anew whenever it ended.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import date
from multiprocessing.connection import Connection
from typing import Annotated, Any, Final

import typer

from engine.cli.conditions import markets_of
from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError, exit_code_of
from engine.cli.features.shared import Count, Row, Writer, keep_labels, make_features
from engine.cli.gate.evidence import INPUTS
from engine.cli.kept import KeptRun, bring_back
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.stores import ModeOption, market_of, open_mode
from engine.market.events import Bar, Tick
from engine.market.inputs import History, Input
from engine.settings import load_settings
from state import Place, Store, open_store
from state.marketdata import MarketData, open_market_data

LOOK_SECONDS: Final = 1.0  # between two looks into the journal, which is written once a second
NICENESS: Final = 10  # of the process beside a run: the run goes first


def record(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run by its name.  [default: the newest]", show_default=False)
    ] = None,
    mode: ModeOption = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run has ended.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Write what the rules of a run computed at every bar that it saw, and the sessions of its days.

    Rules, parameters and bars are those that the run kept, and the source is the run's: paper:replay, live:tradier
    production. Doing it again writes nothing. With store.features = true a run does it by itself.
    """
    settings = load_settings(config)
    store = open_mode(settings, mode)
    with closing(open_market_data(market_of(settings))) as data:
        journal = Journal(bring_back(store, run), data)
        if follow:
            _follow(journal)
        else:
            journal.read()
    if json:
        found = {symbol: asdict(count) for symbol, count in journal.counts.items()}
        print_json({"run": journal.run, "source": journal.source, "store": str(data.path), "symbols": found})
    else:
        for symbol, count in journal.counts.items():
            print(f"{symbol}: {count.words}")
        print(f"run {journal.run}, as source {journal.source}, in {data.path}")
    return ExitCode.GOOD if journal.counts else ExitCode.NO


class Journal:
    """Reads the inputs of a run as far as they are written, and writes what its rules made of them.

    ``goes_on``: whether there may be more; ``source``: of the rows. Raises UserError for a run that kept no journal.
    """

    def __init__(self, kept: KeptRun, data: MarketData) -> None:
        said: dict[str, Any] | None = kept.run["conditions"]
        if said is None:
            raise UserError(f"run {kept.run['id']} is older than the journal of inputs: nothing is known of its bars")
        self.run, self.goes_on = str(kept.run["id"]), True
        market = (kept.store.snapshot(self.run, INPUTS) or {}).get("source")
        self.source = f"{kept.run['mode']}:{market}" if market else str(kept.run["mode"])
        self._store, self._data, self._ruleset = kept.store, data, kept.plan.ruleset
        self._instruments, self._calendars = markets_of(said, self._ruleset)
        wanted = (self._instruments[symbol] for symbol in kept.run["symbols"])
        self._machines = make_features(self._ruleset, wanted, self._calendars, kept.run["parameters"])
        self._writer, self._block, self._days = Writer(data), 0, set[int]()

    @property
    def counts(self) -> dict[str, Count]:
        return dict(self._writer.counts)

    def read(self) -> None:
        """Everything that is there now; what comes later is for the next time."""
        self.goes_on = self._store.goes_on(self.run)  # before looking: a run that has ended writes nothing more
        for number, block in self._store.input_blocks(self.run, self._block):
            for bar in _bars(block):
                self._take(bar)
            self._block = number
        self._writer.flush()

    def _take(self, bar: Bar) -> None:
        features = self._machines.get(bar.symbol)
        values = None if features is None else features.take(bar)
        if features is None or values is None:
            return
        self._writer.add(Row(features, bar.known_ns, self.source, values))
        session = self._calendars[self._instruments[bar.symbol].calendar].day_at(bar.start_ns)
        if session is not None and session.ordinal not in self._days:
            self._days.add(session.ordinal)
            day = date.fromordinal(session.ordinal)
            keep_labels(self._data, self._ruleset, self._calendars, day, day)


def _bars(block: Iterator[Input]) -> Iterator[Bar]:
    for item in block:
        tick = item.tick if isinstance(item, History) else item
        if isinstance(tick, Tick):
            yield from (event for event in tick.events if event.__class__ is Bar)


def follow_run(ledger: Place, market: Place, run: str, tell: Connection) -> None:
    """The process beside a run. What ends it is told in words, once; the run goes on without it."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they end the run, and that ends this
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    try:
        record_run(ledger, market, run)
    except Exception as error:
        known = exit_code_of(error) is not None
        tell.send(str(error) if known else f"{type(error).__name__}: {error}")


def record_run(ledger: Place, market: Place, run: str) -> None:
    """Record a run until it has ended.

    Runs before it that crashed come first: whatever was beside them may have ended with the machine.
    """
    store = open_store(ledger, create=False)
    with closing(store), closing(open_market_data(market)) as data:
        for crashed in _crashed_before(store, run):
            Journal(bring_back(store, crashed), data).read()
        _follow(Journal(bring_back(store, run), data))


def _follow(journal: Journal) -> None:
    journal.read()
    while journal.goes_on:
        time.sleep(LOOK_SECONDS)
        journal.read()


def _crashed_before(store: Store, run: str) -> list[str]:
    """The runs just before one that crashed, the oldest first."""
    runs = store.runs()
    found: list[str] = []
    for row in runs[[row["id"] for row in runs].index(run) + 1 :]:
        if row["status"] != "crashed" or row["conditions"] is None:
            break
        found.append(row["id"])
    return found[::-1]
