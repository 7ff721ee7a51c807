"""The script for newcomers does what it shows, and ends what it started."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.nursery import python

pytest.importorskip("uvicorn")

PROJECT = Path(__file__).parents[2]
SCRIPT = PROJECT / "docs" / "whole-loop.sh"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ, "PYTHON": python(), "TMPDIR": str(folder), "CANDLES": str(folder / "none"),
        "LOKY_MAX_CPU_COUNT": "1",
    }  # fmt: skip
    return subprocess.run(
        ["bash", SCRIPT, *words], env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_it_goes_from_signals_to_the_gate_and_leaves_nothing_behind(tmp_path: Path) -> None:
    answer = run(tmp_path, "--quick")
    assert answer.returncode == 0, answer.stdout[-2000:] + answer.stderr
    assert [line for line in answer.stderr.splitlines() if line.startswith("error")] == []
    out = answer.stdout
    assert [int(number) for number in re.findall(r"^== (\d+)\.", out, re.MULTILINE)] == list(range(1, 13))
    hashes = re.findall(r"decisions sha256 +(\w{64})", out)
    assert hashes[0] == hashes[1], "the replay of the capture decided what the run had"
    assert "same as run                      True" in out
    assert "12 signals, no faults" in out
    assert "60 are needed" in out
    assert "kalshi_alpha.go_live: not passed" in out
    assert "its prices were a practice exchange's" in out
    assert re.search(r"^4/4 gate +not passed", out, re.MULTILINE)
    assert "left out: there are no candles at" in out
    assert list(tmp_path.iterdir()) == [], "its folder goes with it"


def test_an_option_that_is_none_is_one_line(tmp_path: Path) -> None:
    answer = run(tmp_path, "--fast")
    assert (answer.returncode, answer.stderr) == (2, "there is no option --fast; --quick and --keep are all\n")


def test_make_shows_it() -> None:
    assert "docs/whole-loop.sh" in (PROJECT / "Makefile").read_text(encoding="utf-8")
