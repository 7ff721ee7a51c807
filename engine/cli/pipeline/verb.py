"""``engine pipeline``: signals, paper trading, report and gate in one go; or rounds until the gate passes."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import schedule
import typer

from engine.cli.clock import now_ns
from engine.cli.console import err, out, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.interrupts import Interrupts
from engine.cli.options import ConfigOption, ExchangeOption, JsonOption
from engine.cli.pipeline.steps import Asked, steps_of
from engine.cli.pipeline.work import VerbWork
from engine.cli.signals.shared import seconds
from engine.cli.whole import refuse_unwritable, write_whole
from engine.research.pipeline.records import Record, Round, read_round, to_text
from engine.research.pipeline.rounds import SECOND, go_through, passes_in_a_row
from engine.research.results import iso_utc
from engine.settings import Settings, load_settings

STATE = "state.json"
SNAPSHOTS = Path("data/trades_snapshots.cap")
FOLDER = Path("data/pipeline")


def command(
    source: Annotated[
        Literal["flow", "csv"], typer.Option("--alpha-source", help="Where signals come from.")
    ] = "flow",
    rows: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="csv: the rows; flow: trades instead of the venue's.")
    ] = None,
    markets: Annotated[
        Path | None, typer.Option("--markets", metavar="FILE", help="flow, with --input: what is known of the markets.")
    ] = None,
    series: Annotated[str | None, typer.Option("--series", help="flow: only this series' open markets.")] = None,
    top_k: Annotated[int, typer.Option("--top-k", metavar="N", min=1, help="How many signals to keep.")] = 20,
    bankroll: Annotated[float, typer.Option("--bankroll", metavar="$", min=0.01, help="Money for stakes.")] = 100,
    mode: Annotated[
        Literal["run-once", "replay"] | None,
        typer.Option("--paper-mode", help="One look at the venue, or a replay.  [run-once; --until-pass: replay]"),
    ] = None,
    snapshots: Annotated[
        Path, typer.Option("--snapshot-file", metavar="FILE", help="The capture to replay; --until-pass adds to it.")
    ] = SNAPSHOTS,
    values: Annotated[
        bool, typer.Option("--emit-json-report", help="Write the report as JSON, too; --until-pass always does.")
    ] = False,
    pack: Annotated[str, typer.Option("--pack", help="The pack that trades.")] = "kalshi_alpha",
    until_pass: Annotated[
        bool, typer.Option("--until-pass", help="Round after round, each with a capture and a sweep.")
    ] = False,
    cycles: Annotated[int | None, typer.Option("--capture-cycles", metavar="N", min=1, help="[default: 30]")] = None,
    interval: Annotated[
        float | None,
        typer.Option("--capture-interval", metavar="S", min=0.1, help="Seconds in a cycle.  [default: 30]"),
    ] = None,
    max_runs: Annotated[
        int | None, typer.Option("--sweep-max-runs", metavar="N", min=1, help="Sets of a round.  [default: 200]")
    ] = None,
    wanted: Annotated[
        int | None,
        typer.Option("--required-consecutive-pass", metavar="N", min=1, help="Rounds in a row.  [default: 2]"),
    ] = None,
    every: Annotated[
        str | None, typer.Option("--every", metavar="T", help="Begin a round that often, as 1h; else at once.")
    ] = None,
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR", help="Where rounds are kept.")] = FOLDER,
    exchange: ExchangeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Build signals, trade them on paper, report, and ask the gate. No option makes it send a real order.

    With --until-pass a round also captures the live market, sweeps and calibrates, and rounds follow one another until
    the gate has passed so many times in a row. Stop it any time: the same command goes on where it was.

    Exit code 0: the gate passed. 1: it did not. 2, 3, 70: a step failed, and is named.
    """
    looped = {"--capture-cycles": cycles, "--capture-interval": interval, "--sweep-max-runs": max_runs,
              "--required-consecutive-pass": wanted, "--every": every}  # fmt: skip
    for name, value in looped.items():
        if value is not None and not until_pass:
            raise UserError(f"{name} is for rounds: add --until-pass")
    if source == "csv" and rows is None:
        raise UserError("--alpha-source csv needs --input FILE with ticker, fair_yes_probability and confidence")
    mode = mode or ("replay" if until_pass else "run-once")
    if mode == "replay" and not until_pass and not snapshots.exists():
        raise UserError(f"--snapshot-file {snapshots} is not there; `engine capture --out {snapshots}` makes one")
    asked = Asked(
        pack, source, rows, markets, series, top_k, bankroll, mode, snapshots, values or until_pass, until_pass,
        cycles or 30, interval or 30.0, max_runs or 200, exchange, config,
    )  # fmt: skip
    settings = load_settings(config, {"kalshi.base_url": exchange})
    with _alone(folder), _stoppable() as interrupts:
        pipeline = Pipeline(asked, settings, folder, json, interrupts)
        code = pipeline.until_pass(wanted or 2, every) if until_pass else pipeline.once()
    return code


@dataclass(slots=True)
class Pipeline:
    """The rounds of one folder."""

    asked: Asked
    settings: Settings
    folder: Path
    quiet: bool
    interrupts: Interrupts

    def once(self) -> int:
        """One round, or the rest of the last one."""
        state = self._round()
        if self.quiet:
            print_json(state.model_dump(mode="json"))
        return ExitCode.GOOD if state.passed else ExitCode.NO

    def until_pass(self, wanted: int, every: str | None) -> int:
        """Rounds until the gate has passed ``wanted`` times in a row; ``every``: how often one begins."""
        self._say("paper only: no step of this sends an order to a venue")
        in_a_row = 0

        def work() -> None:
            nonlocal in_a_row
            try:
                state = self._round()
            except UserError as error:
                if every is None or error.code != ExitCode.VENUE:
                    raise
                err().print(f"{error}; the next try is in {every}", markup=False)
                return
            in_a_row = passes_in_a_row(self._rounds(), self.asked.to_json(), "paper")
            self._say(f"round {state.number}: the gate has passed {in_a_row} times in a row; {wanted} are wanted")
            if self.quiet:
                print_json({**state.model_dump(mode="json"), "passes_in_a_row": in_a_row, "wanted": wanted})

        jobs = schedule.Scheduler()
        if every is not None:
            jobs.every(max(1, round(seconds(every, "--every")))).seconds.do(work)
        work()
        while in_a_row < wanted:
            if every is None:
                work()
                continue
            time.sleep(max(0.0, jobs.idle_seconds or 0.0))
            jobs.run_pending()
        return ExitCode.GOOD

    def _round(self) -> Round:
        """The last round where it was left, or a new one, to its end; UserError when a step fails."""
        rounds = self._rounds()
        state = self._begun(rounds)
        path = self.folder / f"{state.number:04d}" / STATE
        refuse_unwritable(path, "--folder")
        steps = steps_of(self.asked, self.settings)
        before = next((old for old in reversed(rounds) if old.number < state.number), None)
        work = VerbWork(self.asked, self.settings, self.interrupts)
        again = " goes on" if state.steps else ""
        self._say(f"round {state.number}{again}, kept in {path}")
        names = [step.name for step in steps]

        def tell(record: Record) -> None:
            same = f" (unchanged since round {record.same_as_round})" if record.same_as_round else ""
            took = f" [{record.seconds:.1f} s]" if record.seconds is not None else ""
            mark = "" if record.status == "done" else f"{record.status}: "
            number = names.index(record.step) + 1
            self._say(f"{number}/{len(names)} {record.step:9} {mark}{record.words}{same}{took}")

        for record in state.steps:
            if record.status in ("done", "skipped"):
                self._say(f"    {record.step:9} was {record.status} before: {record.words}")
        state = go_through(steps, state, before, work, lambda now: write_whole(path, to_text(now)), tell)
        if state.ended is None:
            self._explain(state, work)
        return state

    def _explain(self, state: Round, work: VerbWork) -> None:
        """Raise what ended a round before its end."""
        if work.fault is not None:
            raise work.fault
        record = next(record for record in state.steps if record.status in ("failed", "stopped"))
        if record.status == "stopped":
            raise KeyboardInterrupt
        raise UserError(
            f"step {record.step} of round {state.number}: {record.words} (`{record.command}` shows it alone; when it "
            f"is mended, the same pipeline command goes on there)",
            ExitCode(record.exit or ExitCode.USAGE),
        )

    def _begun(self, rounds: list[Round]) -> Round:
        """The last round where it is unfinished and the options are the same, else a new one."""
        last = rounds[-1] if rounds else None
        asked = self.asked.to_json()
        if last is not None and last.ended is None:
            if last.asked == asked:
                return last
            changed = sorted(name for name in asked if last.asked.get(name) != asked[name])
            err().print(
                f"round {last.number} was not finished, with other options ({', '.join(changed)}); a new one begins",
                markup=False,
            )
        began = iso_utc(now_ns() // SECOND * SECOND)
        return Round(number=1 if last is None else last.number + 1, asked=asked, began=str(began))

    def _rounds(self) -> list[Round]:
        """Every round in the folder, in order."""
        return [read_round(path) for path in sorted(self.folder.glob(f"[0-9][0-9][0-9][0-9]*/{STATE}"))]

    def _say(self, words: str) -> None:
        (err() if self.quiet else out()).print(words, markup=False)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One pipeline in a folder at a time; the system frees the lock when its holder dies."""
    path = folder / ".lock"
    refuse_unwritable(path, "--folder")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another pipeline works in {folder}; wait for it, or name another --folder") from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _stoppable() -> Iterator[Interrupts]:
    """A polite kill is the same as Ctrl-C: what is done is kept, and it is said how to go on."""
    try:
        with Interrupts(signal.SIGINT, signal.SIGTERM) as interrupts:
            yield interrupts
    except KeyboardInterrupt:
        err().print("stopped: the same command goes on at the step that was not finished")
        raise
