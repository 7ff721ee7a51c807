"""The steps of a pipeline as commands, and what each of them reads and makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from engine.cli.alpha import NAME, holds_signals
from engine.cli.rules import load_rules
from engine.cli.sources import asking
from engine.research.pipeline.rounds import Step
from engine.settings import Settings

REPORT = Path("data/quant_pm_report.md")
REPORT_VALUES = Path("data/quant_pm_report.json")
SWEEP = Path("data/replay_sweeps/latest.json")
CALIBRATION = Path("data/alpha_calibration.json")
RULES, SETTINGS, ENGINE = "rules", "settings", "engine"
DECIDING = (RULES, SETTINGS, ENGINE)  # beside the data, what decisions depend on


@dataclass(frozen=True, slots=True)
class Asked:
    """The options that decide what a round does."""

    pack: str
    source: Literal["csv", "flow"]
    rows: Path | None
    markets: Path | None
    series: str | None
    top_k: int
    bankroll: float
    paper_mode: Literal["run-once", "replay"]
    snapshots: Path
    values: bool
    until_pass: bool
    cycles: int
    interval: float
    max_runs: int
    exchange: str | None
    config: Path | None

    def to_json(self) -> dict[str, Any]:
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}


def steps_of(asked: Asked, settings: Settings) -> list[Step]:
    """The steps of a round, in order. Signals come before the capture, so that it tells what was known by then."""
    return list(_looped(asked, settings) if asked.until_pass else _once(asked, settings))


def _once(asked: Asked, settings: Settings) -> Iterator[Step]:
    yield _signals(asked, settings)
    yield _paper(asked, settings)
    yield _report(asked, ("paper",))
    yield _gate(asked, ("paper",))


def _looped(asked: Asked, settings: Settings) -> Iterator[Step]:
    yield _signals(asked, settings)
    yield Step("capture", _words(
        asked, "capture", "--out", asked.snapshots, "--pack", asked.pack, "--cycles", asked.cycles, "--interval",
        f"{asked.interval:g}", venue=True,
    ), (SETTINGS,), ("signals",))  # fmt: skip
    yield _paper(asked, settings)
    yield Step("sweep", _words(
        asked, "sweep", asked.pack, "--data", asked.snapshots, "--max-runs", asked.max_runs, "--out", SWEEP
    ), (str(asked.snapshots), *DECIDING), lasting=True)  # fmt: skip
    yield _report(asked, ("paper", "sweep"))
    yield Step(
        "calibrate", ("engine", "calibrate", "--from", str(REPORT_VALUES), "--out", str(CALIBRATION), "--json"),
        (str(REPORT_VALUES),),
    )  # fmt: skip
    yield _gate(asked, ("paper", "sweep"))


def _signals(asked: Asked, settings: Settings) -> Step:
    words: list[object] = ["--source", asked.source, "--top-k", asked.top_k, "--bankroll", f"{asked.bankroll:g}"]
    # What an earlier round has learnt from outcomes.
    correction = CALIBRATION if CALIBRATION.exists() else None
    given = {
        "--input": asked.rows, "--markets": asked.markets, "--series": asked.series, "--correct": correction,
    }  # fmt: skip
    for option, value in given.items():
        words += [] if value is None else [option, value]
    files = [asked.rows, asked.markets, correction, settings.signals.flow if asked.source == "flow" else None]
    reads = (*(str(file) for file in files if file is not None), SETTINGS)
    return Step("signals", _words(asked, "signals", "build", *words, venue=asked.source == "flow"), reads)


def _paper(asked: Asked, settings: Settings) -> Step:
    run = ("run", "--paper", "--pack", asked.pack)
    if asked.paper_mode == "run-once":
        return Step("paper", _words(asked, *run, "--venue", "kalshi", "--once", venue=True), DECIDING, ("signals",))
    data = asked.snapshots
    signals = (str(settings.signals.alpha),) if _reads_signals(asked, settings) else ()
    words = _words(asked, *run, "--source", "replay", "--data", data, "--speed", "max")
    return Step("paper", words, (str(data), *signals, *DECIDING), lasting=True)


def _reads_signals(asked: Asked, settings: Settings) -> bool:
    """Whether a replay trades on the signal file: candles say nothing of signals, a capture tells its own."""
    if not asked.snapshots.exists() or holds_signals(asked.snapshots):
        return False
    return any(asking(load_rules(settings.rules.paths, [asked.pack]).ruleset, NAME))


def _report(asked: Asked, after: tuple[str, ...]) -> Step:
    words: list[object] = ["report", "pm", "--pack", asked.pack, "--output", REPORT]
    if asked.values:
        words += ["--json-output", REPORT_VALUES]
    return Step("report", _words(asked, *words), (RULES, SETTINGS), after)


def _gate(asked: Asked, after: tuple[str, ...]) -> Step:
    return Step("gate", _words(asked, "gate", "check", "--pack", asked.pack), (RULES, SETTINGS), after)


def _words(asked: Asked, *words: object, venue: bool = False) -> tuple[str, ...]:
    """A command line; ``venue``: it speaks to one."""
    more: list[object] = ["--exchange", asked.exchange] if venue and asked.exchange is not None else []
    more += ["--config", asked.config] if asked.config is not None else []
    return ("engine", *map(str, (*words, *more)), "--json")
