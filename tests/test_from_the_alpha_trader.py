"""Every command that the page for users of the alpha trader names as ours is run, on small data."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("uvicorn")

from connectors.simulators.kalshi.listings import many
from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from engine.cli.main import main
from tests.exchange import let_in
from tests.nursery import python

PROJECT = Path(__file__).parents[1]
PAGE = (PROJECT / "docs" / "from-the-alpha-trader.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ")]
OURS = [code for row in ROWS for code in re.findall(r"`([^`]+)`", row) if code.startswith("engine ")]
SEED = (
    "generate_signals.py", "build_flow_alpha.py", "capture_trades_snapshots.py", "replay_trades_backtest.py",
    "sweep_replay_params.py", "calibrate_alpha.py", "auto_trader.py --run-once", "auto_trader.py --live",
    "report_auto_trader_performance.py", "quant_pm_report.py", "check_go_live_gate.py", "deploy_auto_trader.sh",
    "run_quant_pipeline.py", "continuous_build_until_pass.py",
)  # fmt: skip
SMALLER = {"--capture-cycles 30": "--capture-cycles 2", "--capture-interval 30": "--capture-interval 1",
           "--sweep-max-runs 200": "--sweep-max-runs 2"}  # fmt: skip
STARTS = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Rules, rows, trades, outcomes, and a practice exchange that the settings name."""
    (tmp_path / "autotrader.toml").write_text(f'[rules]\npaths = ["{PROJECT}/rules"]\n', encoding="utf-8")
    write_data(tmp_path)
    practice = Practice(Setup(Options(seed=5, unlimited=True), markets=many(2, time.time_ns()), trader_rate=20.0))
    with PracticeServer(practice) as server:
        for name, value in let_in(server, tmp_path)[1].items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # the sweep's sets are few
        monkeypatch.chdir(tmp_path)
        yield tmp_path


def write_data(folder: Path) -> None:
    """Somebody's rows, trades of 80 events with their results, and 300 forecasts with theirs."""
    random = Random(3)
    rows = "ticker,fair_yes_probability,confidence\nKXPRACTICE-00000-YES,0.35,0.9\nKXPRACTICE-00001-YES,0.1,0.9\n"
    markets, outcomes = ["ticker,event_ticker,domain,ends,result,settled_time"], ["probability,outcome,time,event"]
    trades = []
    for number in range(80):
        ticker, hour, odds = f"KXMADE-{number:03d}-YES", STARTS + timedelta(hours=number), random.uniform(0.3, 0.7)
        for n in range(30):
            trades.append({
                "trade_id": f"{ticker}/{n}", "ticker": ticker, "yes_price_dollars": f"{odds:.4f}", "count_fp": "5.00",
                "created_time": (hour + timedelta(seconds=400 * n)).isoformat(),
                "taker_outcome_side": random.choice(("yes", "no")),
            })  # fmt: skip
        ends = (hour + timedelta(hours=4)).isoformat()
        markets.append(f"{ticker},KXMADE-{number:03d},Sports,{ends},{'yes' if random.random() < odds else 'no'},{ends}")
    for number in range(300):
        p = random.uniform(0.05, 0.95)
        when = (STARTS + timedelta(hours=number)).isoformat()
        outcomes.append(f"{p:.3f},{int(random.random() < p)},{when},E{number}")
    trades.sort(key=lambda trade: trade["created_time"])
    (folder / "rows.csv").write_text(rows, encoding="utf-8")
    (folder / "markets.csv").write_text("\n".join(markets) + "\n", encoding="utf-8")
    (folder / "trades.jsonl").write_text("".join(json.dumps(trade) + "\n" for trade in trades), encoding="utf-8")
    (folder / "outcomes.csv").write_text("\n".join(outcomes) + "\n", encoding="utf-8")


def test_the_page_names_every_command_of_the_former_system() -> None:
    assert [name for name in SEED if name not in PAGE] == []
    assert len(OURS) == 20


def test_every_command_of_ours_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # What is fitted is needed before it is used; the page names the commands in the order of the former system.
    fit = next(command for command in OURS if "fit-flow" in command)
    for command in [fit, *(command for command in OURS if command != fit)]:
        for old, new in SMALLER.items():
            command = command.replace(old, new)
        code, said = run_it(shlex.split(command)[1:], capsys)
        assert code in expected(command), (command, said[-1500:])
    assert (folder / "data" / "alpha_calibration.json").is_file()
    assert (folder / "data" / "quant_pm_report.json").is_file()


def expected(command: str) -> tuple[int, ...]:
    if "--live" in command:
        return (4,)  # consents are missing, and it says so
    if "--until-pass" in command:
        return (130,)  # stopped by us
    if "fit-flow" in command:
        return (1,)  # flow without any knowledge in it is no better than the price
    return (1,) if command.startswith(("engine gate", "engine pipeline")) else (0,)


def run_it(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """In this process; what goes on until it is stopped, in one of its own."""
    goes_on = words[0] == "run" and "kalshi" in words and "--once" not in words and "--live" not in words
    if goes_on or "--until-pass" in words:
        return stopped_after(words, "connected" if goes_on else "2/7 capture")
    code = main(words)
    return code, "".join(capsys.readouterr())


def stopped_after(words: list[str], said: str) -> tuple[int, str]:
    with subprocess.Popen(
        [python(), "-u", "-m", "engine", *words], env={**os.environ, "PYTHONPATH": str(PROJECT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith(said):
                break
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    return process.returncode, "".join(lines) + rest
