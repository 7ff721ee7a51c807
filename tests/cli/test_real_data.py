"""The main job on real bars: the scalper over January 2011, October 2013 and index days, back-tested and replayed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
Cli = Callable[..., Any]
TABLES = ("per_symbol", "per_rule", "per_exit_reason", "rejected", "fill_bounds")


def backtest(engine_cli: Cli, data: Path, *arguments: str) -> dict[str, Any]:
    answer = engine_cli(
        "backtest", "index_scalper", "--data", data / "equities", "--json", *arguments, cwd=PROJECT
    )  # fmt: skip
    assert answer.code == 0, answer.err
    found: dict[str, Any] = json.loads(answer.out.splitlines()[-1])
    return found


def test_a_back_test_and_a_replay_make_the_same_decisions(engine_cli: Cli, shared_data: Path, tmp_path: Path) -> None:
    span = ["--symbols", "SPY", "--from", "2011-01-03", "--to", "2011-01-07"]
    tested = backtest(engine_cli, shared_data, *span, "--out", str(tmp_path / "out"))
    answer = engine_cli(
        "run", "--paper", "--source", "replay", "--speed", "max", "--data", shared_data / "equities", "--json",
        "--pack", "index_scalper", *span, cwd=PROJECT, env={"AUTOTRADER__STORE__PATH": str(tmp_path / "s.db")},
    )  # fmt: skip
    replayed = json.loads(answer.out.splitlines()[-1])
    assert tested["decisions_sha256"] == replayed["decisions_sha256"]
    assert tested["trades"] == replayed["trades"] > 10
    assert tested["bars"] == replayed["bars"]
    assert tested["seconds"] > 0
    assert "<svg" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_the_same_back_test_gives_the_same_answer_and_another_parameter_another(
    engine_cli: Cli, shared_data: Path
) -> None:
    span = ["--symbols", "AIG,BAC,IBM,SPY", "--from", "2013-10-07", "--to", "2013-10-08"]
    first, second = (backtest(engine_cli, shared_data, *span) for _ in range(2))
    assert {k: v for k, v in first.items() if k != "seconds"} == {k: v for k, v in second.items() if k != "seconds"}
    assert -0.1 < first["summary"]["buy_and_hold"] < 0.1
    changed = backtest(engine_cli, shared_data, *span, "--param", "ema_crossover.fast=5")
    assert changed["decisions_sha256"] != first["decisions_sha256"]
    bounds = {row["fills"]: row for row in first["fill_bounds"]}
    assert set(bounds) == {"pessimistic", "central", "optimistic"}


def test_an_index_triggers_its_fund_on_simulated_quotes(engine_cli: Cli, shared_data: Path) -> None:
    found = backtest(engine_cli, shared_data, "--symbols", "SPX", "--from", "2021-01-04", "--to", "2021-01-14")
    assert "SPY simulated as 0.1" in found["data"]
    assert {row["symbol"] for row in found["per_symbol"]} <= {"SPY"}
    assert found["trades"] > 0


def test_on_a_half_day_everything_is_flat_before_the_early_close(engine_cli: Cli, shared_data: Path) -> None:
    found = backtest(engine_cli, shared_data, "--symbols", "GOOG", "--from", "2015-12-24", "--to", "2015-12-24")
    assert found["bars"] == 227
    reasons = {row["exit_reason"] for row in found["per_exit_reason"]}
    assert "end of data" not in reasons
