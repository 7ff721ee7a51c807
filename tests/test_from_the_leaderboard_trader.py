"""Every command that the page for users of the leaderboard trader names as ours is run, on a practice exchange and a
practice leaderboard over real sockets."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")

from connectors.arena.board import Board, Row
from connectors.simulators.arena.markets import arena_document, next_check, now_of
from connectors.simulators.arena.server import ArenaServer, Showing
from connectors.simulators.kalshi.scenario import read_scenario
from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from engine.cli.main import main
from tests.exchange import let_in
from tests.nursery import python

PROJECT = Path(__file__).parents[1]
PAGE = (PROJECT / "docs" / "from-the-leaderboard-trader.md").read_text(encoding="utf-8")
OURS = [code for code in re.findall(r"`([^`]+)`", PAGE) if code.startswith("engine ")]
SEED = (
    "validate-config", "init-db-cmd", "calc-fee", "autotrader run", "config/base.yaml", "paper.yaml", "live.yaml",
    "config/strategies/*.yaml", "config/risk.yaml", "config/signal_sources/arena_monitor.yaml",
    "AUTOTRADER__KALSHI__API_KEY_ID", "…PRIVATE_KEY_PATH", "…ENVIRONMENT", "…EXECUTION_MODE",
    "AUTOTRADER__DATABASE__URL", "AUTOTRADER__LOGGING__LEVEL", "arena_leaderboard_fetched", "parsed_html_table",
    "tick_no_signals", "signal_generated", "resolve_top_model", "estimate_fair_value", "Hardening Checklist",
)  # fmt: skip
LEADER = "claude-opus-4-6"


def board() -> Board:
    makers = ("Anthropic", "Google", "xAI", "OpenAI", "Meta")
    rows = [Row(LEADER, "Anthropic", 1505.0, 1, 1, 1, 1501.0, 1509.0, 40_000, "Proprietary")]
    for place in range(2, 41):
        score = 1492.0 - place
        rows.append(
            Row(f"model-{place}", makers[place % 5], score, place, place, place, score - 4, score + 4, 30_000, "Open")
        )
    return Board(tuple(rows), time.time_ns())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Rules, a practice exchange whose prices think less of the leader than the leaderboard does, and that."""
    (tmp_path / "autotrader.toml").write_text(f'[rules]\npaths = ["{PROJECT}/rules"]\n', encoding="utf-8")
    now = now_of(time.time_ns())
    document = arena_document(board(), {LEADER: 0.72}, next_check(now, 3), now, 7)
    (tmp_path / "markets.json").write_text(json.dumps(document), encoding="utf-8")
    practice = Practice(Setup(Options(seed=5, unlimited=True), markets=read_scenario(tmp_path / "markets.json")))
    with PracticeServer(practice) as exchange, ArenaServer(Showing([board()])) as leaderboard:
        for name, value in let_in(exchange, tmp_path)[1].items():
            monkeypatch.setenv(name, value)
        for name, url in zip(("PRIMARY", "FALLBACK"), leaderboard.urls, strict=True):
            monkeypatch.setenv(f"AUTOTRADER__ARENA__{name}_URL", url)
        monkeypatch.chdir(tmp_path)
        yield tmp_path


def test_the_page_names_all_that_the_former_system_had() -> None:
    assert [name for name in SEED if name not in PAGE] == []
    assert len(OURS) == 10


def test_every_command_of_ours_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in OURS:
        words = shlex.split(command)[1:]
        goes_on = words[0] == "run" and "--once" not in words
        if goes_on:
            said = until_interrupted(words, "tick_no_signals")
            assert "arena_leaderboard_fetched" in said and "parsed_html_table parsed=flight rows=120" in said
            continue
        code = main(words)
        told = capsys.readouterr()
        # Nothing has been shown in so short a time, and the checklist says so.
        assert code == (1 if "hardening" in command else 0), (command, told)
        if "--dry-run" in words:
            assert "tick_no_signals" in told.err
            assert re.search(r"arena_leaderboard\.buy_yes KXTOPMODEL-\S+-M1", told.out), told.out
    assert (folder / "data" / "arena" / "boards.jsonl").is_file()


def until_interrupted(words: list[str], said: str) -> str:
    with subprocess.Popen(
        [python(), "-u", "-m", "engine", *words], env={**os.environ, "PYTHONPATH": str(PROJECT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if said in line:
                break
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    return "".join(lines) + rest
