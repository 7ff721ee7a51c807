"""``engine run``: the main job. Rules on market data with a paper broker, kept in the store, traced as it goes."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import schedule
import typer

from connectors.alpha.file import Alpha
from connectors.notify.notifier import Notifier
from connectors.notify.outbox import Kind
from engine.cli import together
from engine.cli.alpha import holds_signals, signals_for
from engine.cli.assemble import Assembly, DataChoice, assemble, now_ns
from engine.cli.backtest import day, split
from engine.cli.beside import Alone, Beside
from engine.cli.conditions import conditions_of
from engine.cli.console import err, out, print_json
from engine.cli.dry_run import DRY_RUN, WouldBe
from engine.cli.errors import ExitCode, UserError
from engine.cli.examples import example_lines, examples_for
from engine.cli.gate.evidence import INPUTS, inputs_of
from engine.cli.log import configure_log
from engine.cli.notices import NoticeRecorder, notifying, tell_alert
from engine.cli.options import ConfigOption, ExchangeOption, JsonOption
from engine.cli.rules import LoadedRules, load_rules
from engine.cli.sources import SOURCES, asking, wanted_sources
from engine.cli.startup import log_runtime_mode
from engine.cli.stores import store_of
from engine.cli.tracing import TracePrinter
from engine.cli.venues import DEFAULT, VenueName, venue_kind
from engine.cli.version import __version__
from engine.execute.consents import ACCEPT_FLAG
from engine.execute.dry import DryBroker
from engine.execute.halt import KillSwitch
from engine.execute.inputs import JournaledBroker
from engine.execute.journal import JournalRecorder
from engine.execute.loop import Loop, Recorder
from engine.execute.unsure import UnsureExits
from engine.market.events import NANOS, Tick
from engine.market.inputs import everything_of
from engine.report.tables import print_report
from engine.research.backtest import Described, result_of
from engine.research.gaps import with_gaps
from engine.research.recorder import StatisticsRecorder
from engine.ruleset.rules import Ruleset
from engine.settings import Settings, load_settings
from state import Mode, RunWriter, open_store

LOOK_AT_TICK = 150  # of a simulated day: noon, with every short average warmed up
FLUSH_SECONDS = 1
LOOK_SECONDS = 0.25  # between two looks at what people ask for, while the next tick is not due
FUSE_CONTRACTS = 1_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast ticks follow one another: market time divided by ``speed``, or ``interval`` seconds; 0 is no wait."""

    speed: float = 0.0
    interval: float = 0.0

    def wait(self, before_ns: int, now_ns: int) -> float:
        if self.speed:
            return (now_ns - before_ns) / NANOS / self.speed if before_ns else 0.0
        return self.interval


def command(
    paper: Annotated[bool, typer.Option("--paper", help="Orders go to the paper broker, as without --live.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Decide as on paper, say what would be ordered, and order nothing.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Look at the market once, act, and stop.")] = False,
    interval: Annotated[
        float | None, typer.Option("--interval", metavar="S", min=0, help="Seconds between two ticks.")
    ] = None,
    pack: Annotated[list[str] | None, typer.Option("--pack", help="Run this pack only; may be repeated.")] = None,
    source: Annotated[
        Literal["simulated", "replay"] | None, typer.Option("--source", help="Where market data comes from.")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Folder of bars to replay.")] = None,
    symbols: Annotated[list[str] | None, typer.Option("--symbols", help="Symbols instead of the pack's.")] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day in the pack's timezone, 2011-01-03.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day, included.")] = None,
    speed: Annotated[str | None, typer.Option("--speed", help="max, or market time times: 1x, 60x.")] = None,
    trace: Annotated[
        Literal["none", "fired", "full"] | None, typer.Option("--trace", help="Which rules to show while it runs.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="RULE.NAME=VALUE", help="Another value of a parameter.")
    ] = None,
    venue: Annotated[
        VenueName | None, typer.Option("--venue", help="Run on this venue's live market.")
    ] = None,
    exchange: ExchangeOption = None,
    live: Annotated[bool, typer.Option("--live", help="Orders go to the venue, with every consent.")] = False,
    accepted: Annotated[
        bool, typer.Option(ACCEPT_FLAG, help="Real orders without typing the phrase, for a service.")
    ] = False,
    fuse: Annotated[
        int | None,
        typer.Option(
            "--fuse", metavar="N", min=1,
            help=f"The venue cancels all entries after N contracts in 15 s.  [default: {FUSE_CONTRACTS}]",
        ),
    ] = None,
    capture: Annotated[
        Path | None, typer.Option("--capture", metavar="FILE", help="Keep what the venue's feed tells, to be replayed.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Run the rules. Ctrl-C stops cleanly; the summary is printed at the end."""
    settings = load_settings(
        config, {"market.source": source, "market.data": data, f"{venue or DEFAULT}.base_url": exchange}
    )
    configure_log(settings.log)
    together.check(together.RUN, {
        "--dry-run": dry_run,
        "--paper": paper, "--live": live, ACCEPT_FLAG: accepted, "--fuse": fuse is not None, "--once": once,
        "--exchange": exchange is not None, "--capture": capture is not None, "--venue": venue is not None,
        "--venue kalshi": venue is not None, "--source": source is not None, "--data": data is not None,
        "--speed": speed is not None, "--interval": interval is not None, "--from": first is not None,
        "--to": last is not None, "--source replay": settings.market.source == "replay",
    })  # fmt: skip
    together.not_empty("--symbols", symbols)
    rules = load_rules(settings.rules.paths, pack or settings.engine.packs, venue)
    for name, where in rules.left_out.items():
        err().print(f"pack {name} is left out: it is for {where}; --pack {name} would run it", markup=False)
    market = settings.market
    choice = DataChoice(
        market.source, market.data, split(symbols), day(first, "--from"), day(last, "--to"), market.seed, market.days
    )
    keep = settings.trace.keep != "none"
    if venue is not None:
        choice = replace(choice, source="simulated")  # any symbol; the venue says which there are
    level = trace or ("none" if json else "full" if once else settings.trace.level)

    def make(listed: Mapping[str, Iterable[str]] | None, held: Mapping[str, Iterable[str]] | None) -> Assembly:
        return assemble(settings, rules.ruleset, choice, param or [], keep, listed=listed, held=held)

    if venue is not None:
        from engine.cli.on_venue.run import run_on_venue  # late: it brings the venue's libraries
        from engine.cli.on_venue.session import Wish

        kind = venue_kind(venue)
        limit = Decimal(fuse or FUSE_CONTRACTS) if kind.has_fuse else None
        if fuse is not None and limit is None:
            raise UserError(f"--fuse: {venue} has no fuse of its own; leave it out")
        wish = Wish(live, accepted, level, limit, once, json, capture, dry_run)
        return run_on_venue(make, rules, wish, kind, wanted_sources(rules.ruleset))
    examples = examples_for(rules.ruleset) if choice.source == "simulated" else {}
    for name in examples:
        err().print(f"without --venue, made-up markets stand in for {SOURCES[name].about}")
    signals = _signals(settings, rules, choice)
    assembly = assemble(settings, rules.ruleset, choice, param or [], keep, signals, examples=examples)
    if choice.source == "simulated":
        _say_what_stands_still(rules.ruleset, assembly, examples)
    with notifying(settings) as notifier:
        try:
            return _run(assembly, rules, level, _pace(settings, speed, interval), once, json, dry_run, notifier)
        except Exception as error:
            notifier.tell(Kind.ERRORS, f"a run ended ({_where(assembly)})", str(error) or type(error).__name__)
            raise


def _say_what_stands_still(ruleset: Ruleset, assembly: Assembly, examples: Container[str]) -> None:
    """Packs on sources for which no made-up market stands in; UserError where nothing else is left to run."""
    for name in wanted_sources(ruleset):
        if name in examples or name == "alpha":
            continue
        packs = ", ".join(dict.fromkeys(strategy.pack for strategy in asking(ruleset, name)))
        words = f"{packs} trades on {SOURCES[name].about}, for which nothing made up stands in: add --venue kalshi"
        if not assembly.plan_symbols:
            raise UserError(words)
        err().print(f"{words}; it looks at no market in this run")


def _signals(settings: Settings, rules: LoadedRules, choice: DataChoice) -> Alpha | None:
    """The signals beside simulated or recorded data."""
    simulated = choice.source == "simulated"
    if not simulated and choice.root is not None and holds_signals(choice.root):
        return None  # a capture tells what the file said then
    return signals_for(settings, rules.ruleset, simulated=simulated, needed=simulated)


def _pace(settings: Settings, speed: str | None, interval: float | None) -> Pace:
    if interval is not None:
        return Pace(interval=interval)
    if speed is None:
        simulated = settings.market.source == "simulated"
        return Pace(interval=float(settings.run.interval_seconds)) if simulated else Pace()
    if speed == "max":
        return Pace()
    match = re.fullmatch(r"(\d+(?:\.\d+)?)x", speed)
    if match is None or float(match[1]) <= 0:
        raise UserError(f"--speed {speed} is no speed; write max, 1x or 60x")
    return Pace(speed=float(match[1]))


def _run(
    assembly: Assembly, rules: LoadedRules, level: str, pace: Pace, once: bool, as_json: bool, dry: bool,
    notifier: Notifier,
) -> int:  # fmt: skip
    settings = assembly.settings
    packs, ruleset = list(assembly.ruleset.packs), assembly.ruleset
    log_runtime_mode(settings.kalshi.environment, "paper", "none", store_of(settings), ruleset.trading)
    store = open_store(store_of(settings), Mode(settings.engine.mode))
    writer = store.begin_run(
        settings.engine.mode, now_ns(), assembly.describe_data(), packs, assembly.plan_symbols, ruleset.sha256,
        rules.files, assembly.parameters, {s.key: s.universe for s in ruleset.strategies}, assembly.execution,
        __version__, conditions=conditions_of(assembly), cash=settings.paper.cash,
    )  # fmt: skip
    writer.snapshot(now_ns(), INPUTS, {**inputs_of(assembly), **({DRY_RUN: True} if dry else {})})
    writer.flush()
    statistics = StatisticsRecorder()
    recorders: list[Recorder] = [JournalRecorder(writer, settings.trace.keep), statistics]
    if level != "none":
        recorders.append(TracePrinter(level, assembly.timezone))

    def say(line: str) -> None:
        (err() if as_json else out()).print(line, markup=False, highlight=False, soft_wrap=True)

    lines = example_lines(assembly.examples, ruleset, say, assembly.timezone, dry=dry)
    would_be = WouldBe(assembly.timezone, say, list(lines))
    recorders += [would_be if dry else NoticeRecorder(notifier, _where(assembly)), *lines.values()]
    if not dry:
        recorders.append(UnsureExits(_teller(writer, "exit", tell_alert(notifier, _where(assembly)))))
    paper = DryBroker(rests=not once) if dry else assembly.broker(settings.paper.fill_model)
    broker, decider = JournaledBroker(paper, writer), assembly.decider()
    beside = Alone() if dry else Beside(settings, store, writer, decider, settings.engine.mode, err().print)
    loop = Loop(decider, broker, [*recorders, *beside.recorders])
    began = time.perf_counter()
    with writer, _stop_on_signal() as stop:
        standing = store.halts.standing(writer.book.name, now_ns())
        tell = _teller(writer, "halt", tell_alert(notifier, _where(assembly)))
        switch = KillSwitch(standing, store.halts.look, loop.decider, writer, tell)
        ticks = _once(assembly, loop, broker) if once else _ticks(assembly, loop, broker)
        _drive(ticks, loop, writer, switch, pace, stop, beside)
        for told in lines.values():
            told.close()
        beside.close()
        stopped = stop.is_set()
        seconds = time.perf_counter() - began
        statistics.close_out(loop.decider)
        described = Described(
            ", ".join(ruleset.trading), assembly.describe_data(), assembly.describe_parameters(), assembly.timezone,
            settings.paper.cash,
        )  # fmt: skip
        result = with_gaps(
            result_of(statistics, loop, described, seconds, {}), assembly.instruments, assembly.calendars
        )
        report = {"run": writer.run_id, **result.to_json(), **({"would_be": would_be.orders_told} if dry else {})}
        writer.end("stopped" if stopped else "done", statistics.ended_ns, report)
        beside.ended()
    if as_json:
        print_json(report)
    else:
        print_report(result, out())
        out().print(f"\nrun {writer.run_id} kept in {store_of(settings)}; `engine why ORDER` explains an order")
    return ExitCode.GOOD


def _where(assembly: Assembly) -> str:
    return f"{assembly.data.source} market, paper"


def _teller(writer: RunWriter, kind: str, notify: Callable[[str, str], None]) -> Callable[[str], None]:
    """What is said at once, kept as an alert of a kind, and told to people: somebody will look for the reason."""

    def tell(text: str) -> None:
        err().print(text)
        writer.alert(now_ns(), "warning", kind, text)
        notify(kind, text)

    return tell


def _drive(
    ticks: Iterator[Tick], loop: Loop, writer: RunWriter, switch: KillSwitch, pace: Pace, stop: threading.Event,
    beside: Alone | Beside,
) -> None:  # fmt: skip
    """Every tick until the data ends or somebody says stop."""
    jobs = schedule.Scheduler()
    jobs.every(FLUSH_SECONDS).seconds.do(writer.flush)
    jobs.every(FLUSH_SECONDS).seconds.do(beside.every_second)
    beside.every_second()
    before_ns = 0
    for tick in ticks:
        until = time.monotonic() + pace.wait(before_ns, tick.time_ns)
        while (left := until - time.monotonic()) > 0 and not stop.is_set():
            jobs.run_pending()
            stop.wait(min(left, LOOK_SECONDS))
            if before_ns and beside.waiting():
                # A person is not to wait for the next bar; market time stands still.
                switch.check()
                beside.before_tick()
                loop.step(Tick(before_ns, ()))
        if stop.is_set():
            return
        switch.check()
        beside.before_tick()
        loop.step(tick)
        before_ns = tick.time_ns


def _ticks(assembly: Assembly, loop: Loop, broker: JournaledBroker) -> Iterator[Tick]:
    """The ticks of the data; what it tells between them is kept and taken in as they go by."""
    for item in everything_of(assembly.source()):
        if isinstance(item, Tick):
            yield item
        else:
            broker.keep(item)
            loop.decider.aside(item)


def _once(assembly: Assembly, loop: Loop, broker: JournaledBroker) -> Iterator[Tick]:
    """The last tick of the data (noon of a simulated day), after everything before it has been observed."""
    ticks = _ticks(assembly, loop, broker)
    if assembly.data.source == "simulated":
        ticks = islice(ticks, LOOK_AT_TICK)
    latest: Tick | None = None
    broker.history = True
    for tick in ticks:
        if latest is not None:
            loop.observe(latest)
        latest = tick
    broker.history = False
    if latest is not None:
        yield latest


@contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    """Ctrl-C and a polite kill finish the tick and end the run; a second one is taken at its word."""
    stop = threading.Event()

    def ask(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        err().print("stopping after this tick")

    old = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
