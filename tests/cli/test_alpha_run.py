"""The Kalshi alpha pack as a user runs it: without anything, and on a practice exchange through a kill and back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer
from typing import Any

import httpx
import pytest

pytest.importorskip("uvicorn")

from connectors.alpha.file import write_alpha
from connectors.alpha.models import Signal
from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from tests.exchange import let_in
from tests.nursery import python

PROJECT = Path(__file__).parents[2]
Cli = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "autotrader.toml").write_text(f'[rules]\npaths = ["{PROJECT}/rules"]\n', encoding="utf-8")
    return tmp_path


def test_it_runs_on_paper_without_key_network_or_file(engine_cli: Cli, folder: Path) -> None:
    answer = engine_cli("run", "--paper", "--pack", "kalshi_alpha", "--interval", "0", "--json", cwd=folder)
    assert answer.code == 0, answer.err
    assert "made-up contracts are traded on made-up signals" in answer.err
    told = json.loads(answer.out.splitlines()[-1])
    assert told["summary"]["trades"] > 0
    assert "and no difference" in engine_cli("replay", cwd=folder).out
    assert "sound" in engine_cli("db", "check", cwd=folder).out, "a settlement is a fill that no order made"


def test_its_own_file_is_simulated_too(engine_cli: Cli, folder: Path) -> None:
    listed(folder, {"KXMINE-26A-ONE": 0.5})
    answer = engine_cli("run", "--paper", "--pack", "kalshi_alpha", "--interval", "0", "--json", cwd=folder)
    assert answer.code == 0, answer.err
    assert "KXMINE-26A-ONE" in answer.out
    (folder / "data" / "alpha_signals.json").write_text("{", encoding="utf-8")
    broken = engine_cli("run", "--paper", "--pack", "kalshi_alpha", cwd=folder)
    assert broken.code == 2
    assert "alpha_signals.json is no JSON" in broken.err


def listed(folder: Path, fairs: dict[str, float]) -> None:
    now = datetime.now(UTC)
    signals = [
        Signal(
            ticker=ticker, fair_yes_probability=fair, confidence=0.9, as_of=now, expiry=now + timedelta(hours=1),
            source="test",
        )
        for ticker, fair in fairs.items()
    ]  # fmt: skip
    write_alpha(folder / "data" / "alpha_signals.json", signals, now)


@pytest.fixture
def exchange() -> Iterator[PracticeServer]:
    practice = Practice(Setup(Options(seed=5, unlimited=True), trader_rate=8.0))
    with PracticeServer(practice) as server:
        yield server


class Desk:
    """Starts the engine on the exchange and reads what it says."""

    def __init__(self, folder: Path, server: PracticeServer) -> None:
        self.folder = folder
        self.environment = let_in(server, folder)[1]

    def start(self) -> subprocess.Popen[str]:
        words = ("run", "--venue", "kalshi", "--pack", "kalshi_alpha", "--json", "--trace", "fired")
        environment = {**os.environ, "PYTHONPATH": str(PROJECT), **self.environment}
        return subprocess.Popen(
            [python(), "-u", "-m", "engine", *words], cwd=self.folder, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


def heard(run: subprocess.Popen[str], *words: str) -> list[str]:
    """What it says up to a line with one of ``words``; it has a minute for it."""
    lines = []
    assert run.stdout is not None
    overdue = Timer(60, run.kill)
    overdue.start()
    try:
        for line in run.stdout:
            lines.append(line)
            if any(word in line for word in words):
                return lines
    finally:
        overdue.cancel()
    raise AssertionError(f"it ended before it said {words!r}: {''.join(lines)}")


@contextmanager
def holding(desk: Desk) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A run that has bought, and what it said. Where the market ran away from its limit it cools down for long: then
    another is begun."""
    for _ in range(10):
        with desk.start() as run:
            lines = heard(run, "filled: buy", "COOLING")
            if "filled: buy" in lines[-1]:
                yield run, lines
                return
            run.kill()
            run.communicate()
        shutil.rmtree(desk.folder / "state")
    raise AssertionError("the market ran away from every limit")


def test_positions_cooldowns_and_the_file_live_through_a_kill(
    engine_cli: Cli, folder: Path, exchange: PracticeServer
) -> None:
    desk = Desk(folder, exchange)
    told = httpx.get(f"{exchange.rest_url}/markets", params={"status": "open"}).json()["markets"]
    first, second = sorted(market["ticker"] for market in told if "TOPMODEL" in market["ticker"])[:2]
    listed(folder, {first: 0.97, "KXNOSUCH-26A-B": 0.5})
    with holding(desk) as (run, lines):
        # A fill is on disk within a second; one that is not is lost with the process, and its order rests again.
        assert any(first in engine_cli("positions", cwd=folder).out for _ in range(30))
        run.kill()
        run.communicate()
    assert any("the venue has no market KXNOSUCH-26A-B; its signal is left out" in line for line in lines)
    with desk.start() as run:
        lines = heard(run, "goes on with")
        assert first in lines[-1]
        heard(run, "connected")
        listed(folder, {second: 0.97})
        heard(run, "the signal file lists other markets: the run goes on as a new one")
        assert first in heard(run, "goes on with")[-1], "what is held is looked after when it is listed no more"
        more = heard(run, f"kalshi_alpha.buy_yes {second}")
        assert not any(f"{first}  FIRED" in line for line in more), "the market is held and cooling"
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=60)
        assert run.returncode == 0, out
    assert "and no difference" in engine_cli("replay", cwd=folder, env=desk.environment).out
    assert "sound" in engine_cli("db", "check", cwd=folder, env=desk.environment).out
    assert first in engine_cli("positions", cwd=folder, env=desk.environment).out


def test_a_capture_keeps_the_signals_and_a_replay_trades_on_them(
    engine_cli: Cli, folder: Path, exchange: PracticeServer
) -> None:
    desk = Desk(folder, exchange)
    told = httpx.get(f"{exchange.rest_url}/markets", params={"status": "open"}).json()["markets"]
    tickers = sorted(market["ticker"] for market in told if "TOPMODEL" in market["ticker"])[:2]
    listed(folder, dict.fromkeys(tickers, 0.97))
    words = ("capture", "--out", "a.cap", "--pack", "kalshi_alpha", "--cycles", "1", "--interval", "3", "--json")
    made = engine_cli(*words, cwd=folder, env=desk.environment)
    assert made.code == 0, made.err
    note = json.loads(made.out)
    assert sorted(note["markets"]) == tickers
    assert note["counts"]["signals"] >= 4 * len(tickers)
    (folder / "data" / "alpha_signals.json").unlink()  # what the file said then is in the capture
    replayed = json.loads(engine_cli("replay", "a.cap", "--pack", "kalshi_alpha", "--json", cwd=folder).out)
    assert replayed["orders"] > 0
