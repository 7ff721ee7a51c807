"""The trading day on both practice venues, in its short form: killed, started again, and compared with the venue."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")

PROJECT = Path(__file__).parents[2]
SCRIPT = PROJECT / "docs" / "trading-day.sh"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHON": sys.executable, "TMPDIR": str(folder)}
    return subprocess.run(
        ["bash", SCRIPT, *words], env=environment, capture_output=True, text=True, timeout=280, check=False
    )


def test_the_books_agree_after_a_kill_in_the_middle(tmp_path: Path) -> None:
    answer = run(tmp_path, "--quick")
    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr
    told = {line[2:36].strip(): line[36:].strip() for line in answer.stdout.splitlines() if line.startswith("  ")}
    assert int(told["brackets (OTOCO) at Tradier"]) > 0 and int(told["fills"]) > 0
    assert told["best prices kept over the restart"] == "yes"
    assert told["held at Tradier and here"] == "the same: nothing"
    assert {
        told[name].partition(":")[0] for name in ("orders that filled as we booked", "bought and sold", "cash")
    } == {"the same"}
    assert "our books and the venue's agree" in answer.stdout
    assert list(tmp_path.iterdir()) == [], "its folder goes with it"


def test_an_option_that_is_none_is_one_line(tmp_path: Path) -> None:
    answer = run(tmp_path, "--fast")
    assert (answer.returncode, answer.stderr) == (2, "there is no option --fast; --quick and --keep are all\n")
