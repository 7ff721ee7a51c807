"""``engine run --dry-run`` as a user runs it: it says what it would order, and orders nothing anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("uvicorn")

from connectors.alpha.file import write_alpha
from connectors.alpha.models import Signal
from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from tests.exchange import let_in

PROJECT = Path(__file__).parents[2]
Cli = Callable[..., Any]
PACK = ("run", "--dry-run", "--pack", "kalshi_alpha")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "autotrader.toml").write_text(f'[rules]\npaths = ["{PROJECT}/rules"]\n', encoding="utf-8")
    return tmp_path


def test_a_simulated_day_is_decided_and_nothing_of_it_is_held(engine_cli: Cli, folder: Path) -> None:
    answer = engine_cli(*PACK, "--interval", "0", "--json", "--trace", "none", cwd=folder)
    assert answer.code == 0, answer.err
    told = json.loads(answer.out.splitlines()[-1])
    assert told["would_be"]
    assert {row["leg"] for row in told["would_be"]} == {"entry"}, "nothing is held, so there is nothing to close"
    assert told["summary"]["trades"] == 0
    assert "dry run: would buy" in answer.err
    held = json.loads(engine_cli("positions", "--json", cwd=folder).out)
    assert held["positions"] == []
    gate = engine_cli("gate", "check", "--pack", "kalshi_alpha", cwd=folder)
    assert "it was a dry run" in gate.out + gate.err, "it counts as no evidence"


def test_one_look_at_a_venue_sends_it_nothing(engine_cli: Cli, folder: Path) -> None:
    with PracticeServer(Practice(Setup(Options(seed=5, unlimited=True), trader_rate=8.0))) as server:
        user, environment = let_in(server, folder)
        markets = httpx.get(f"{server.rest_url}/markets", params={"status": "open"}).json()["markets"]
        ticker = next(market["ticker"] for market in markets if "TOPMODEL" in market["ticker"])
        now = datetime.now(UTC)
        signal = Signal(
            ticker=ticker, fair_yes_probability=0.97, confidence=0.9, as_of=now, expiry=now + timedelta(hours=1),
            source="test",
        )  # fmt: skip
        write_alpha(folder / "data" / "alpha_signals.json", [signal], now)
        answer = engine_cli(*PACK, "--venue", "kalshi", "--once", "--trace", "none", cwd=folder, env=environment)
        assert answer.code == 0, answer.err
        assert "dry run: would buy" in answer.out
        assert ticker in answer.out
        books = httpx.get(f"{server.control_url}/books", headers=server.control_headers).json()
        assert not [o for o in books["orders"] if o["user_id"] == user]
        again = engine_cli(*PACK, "--venue", "kalshi", "--once", "--json", cwd=folder, env=environment)
        assert json.loads(again.out)["would_be"], "it remembers nothing of the first look"


def test_it_goes_with_no_real_order(engine_cli: Cli, folder: Path) -> None:
    answer = engine_cli(*PACK, "--live", "--venue", "kalshi", cwd=folder)
    assert answer.code == 2
    assert "--dry-run and --live: a dry run sends no order" in answer.err
