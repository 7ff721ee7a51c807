"""The trading day on both practice venues, in its short form: killed, started again, and compared with the venue."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

from tests.nursery import python

pytest.importorskip("uvicorn")

PROJECT = Path(__file__).parents[2]
SCRIPT = PROJECT / "docs" / "trading-day.sh"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHON": python(), "TMPDIR": str(folder)}
    return subprocess.run(
        ["bash", SCRIPT, *words], env=environment, capture_output=True, text=True, timeout=280, check=False
    )


def test_the_books_agree_after_a_kill_in_the_middle(tmp_path: Path) -> None:
    answer = run(tmp_path, "--quick")
    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr
    told = {line[2:36].strip(): line[36:].strip() for line in answer.stdout.splitlines() if line.startswith("  ")}
    assert int(told["trailing stop moved"]) > 0 and int(told["units sold by engine flatten"]) > 0
    assert int(told["entries filled"].split()[0]) >= 2, "one before the kill, one after it"
    assert told["best prices kept over the restart"] == "yes"
    assert told["held at Tradier and here"] == "the same: nothing"
    assert {
        told[name].partition(":")[0] for name in ("orders that filled as we booked", "bought and sold", "cash")
    } == {"the same"}
    assert "our books and the venue's agree" in answer.stdout
    assert answer.stdout.endswith("  everything happened, and the books agree\n")
    assert list(tmp_path.iterdir()) == [], "its folder goes with it"


def test_a_day_without_a_timeout_or_with_other_cash_is_named() -> None:
    spec = importlib.util.spec_from_file_location("trading_day", PROJECT / "docs" / "trading-day.py")
    assert spec is not None and spec.loader is not None
    day = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(day)
    whole = day.NEEDED["day"]
    assert day.amiss("day", whole, {"cash": True}) == []
    assert day.amiss("day", {**whole, day.TIMEOUTS: 0}, {"cash": True}) == ["0 timeouts"]
    assert day.amiss("quick", {**whole, day.TIMEOUTS: 0}, {"cash": False}) == ["cash: no"]


def test_an_option_that_is_none_is_one_line(tmp_path: Path) -> None:
    answer = run(tmp_path, "--fast")
    assert (answer.returncode, answer.stderr) == (2, "there is no option --fast; --quick and --keep are all\n")
