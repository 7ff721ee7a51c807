"""How long ``engine features build`` takes for one symbol and a year of minute bars, and what it costs in memory.

Run: ``python -m benchmarks.features_build [--days N]``. The pack is the index scalper, the bars are made up from a
seed, the store is SQLite in the folder for temporary files. First the values alone, in this process; then the command,
start and all, on a store that has the bars: into an empty table, and once more with everything there. Other work on the
machine makes the time longer, and hardly the processor's share of it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.machine import header
from connectors.calendars import calendar
from connectors.simulated import SimulatedSource
from engine.cli.features.shared import make_features
from engine.cli.rules import load_rules
from engine.market.events import Bar
from engine.market.instrument import Instrument
from engine.market.marketdata import BarRow
from state.marketdata import open_market_data

PROJECT = Path(__file__).parents[1]
START = datetime(2024, 1, 2, 9, 30, tzinfo=ZoneInfo("America/New_York"))


def made_up(days: int) -> list[Bar]:
    """Minute bars of SPY."""
    ticks = SimulatedSource(["SPY"], START, days=days, seed=7).ticks()
    return [event for tick in ticks for event in tick.events if isinstance(event, Bar)]


def values_alone(bars: Sequence[Bar]) -> None:
    ruleset = load_rules([PROJECT / "rules"], ["index_scalper"]).ruleset
    (features,) = make_features(ruleset, [Instrument("SPY")], {"XNYS": calendar("XNYS")}, {}).values()
    for bar in islice(bars, 400):
        features.take(bar)  # what is compiled, is compiled now
    begin = time.perf_counter()
    for bar in bars[400:]:
        features.take(bar)
    took = time.perf_counter() - begin
    count = len(bars) - 400
    print(f"values alone: {count / took:,.0f} bars/s, {count * len(features.names) / took:,.0f} values/s")


def processor() -> float:
    """Seconds that the processes started here have had of the processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def command(folder: Path, *words: str) -> tuple[float, float, str]:
    """Seconds, those of the processor, and what it printed."""
    begin, used = time.perf_counter(), processor()
    done = subprocess.run(
        [sys.executable, "-m", "engine", *words, "--json"], cwd=folder, check=True, capture_output=True, text=True
    )
    return time.perf_counter() - begin, processor() - used, done.stdout


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=252)
    days = parser.parse_args(arguments).days
    print(header())
    bars = made_up(days)
    values_alone(bars)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "autotrader.toml").write_text(f'[rules]\npaths = ["{PROJECT / "rules"}"]\n')
        (folder / "state").mkdir()
        store = folder / "state" / "autotrader-market.db"
        data = open_market_data(store)
        numbers = ([None if number is None else Decimal(repr(number)) for number in bar[3:8]] for bar in bars)
        data.upsert_bars(
            BarRow("SPY", bar.start_ns, *five, None, "made_up") for bar, five in zip(bars, numbers, strict=True)
        )
        data.close()
        before = store.stat().st_size
        build = ("features", "build", "--pack", "index_scalper", "--symbols", "SPY")
        for name in ("new", "the same again"):
            seconds, busy, said = command(folder, *build)
            told = json.loads(said)["symbols"]["SPY"]
            print(
                f"engine features build, {name}: {told['bars']:,} bars, {told['values']:,} values, {told['written']:,} "
                f"written, {seconds:.1f} s, {busy:.1f} s of the processor ({told['values'] / busy:,.0f} values in each)"
            )
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        grown = (store.stat().st_size - before) / told["values"]
        print(f"most memory of it: {memory:,.0f} MiB; on disk: {grown:.0f} bytes a value")


if __name__ == "__main__":
    main()
