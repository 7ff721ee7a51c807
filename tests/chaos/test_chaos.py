"""The short form of ``python -m tests.chaos``: one kill at each kind of place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import postgres
from tests.chaos.tradier import TradierTrial
from tests.chaos.trial import Trial

pytest.importorskip("uvicorn")


def test_killed_engines_leave_books_that_agree(tmp_path: Path) -> None:
    counts = Trial(tmp_path, seed=11).go(kills=3)
    assert counts.problems == []
    assert counts.engines == 3


def test_killed_engines_leave_books_that_agree_in_a_database(tmp_path: Path) -> None:
    if missing := postgres.why_not():
        pytest.skip(missing)
    with postgres.running() as server:
        counts = Trial(tmp_path, seed=12, database=server).go(kills=1)
    assert counts.problems == []
    assert counts.engines == 1


def test_engines_killed_on_tradier_leave_books_that_agree(tmp_path: Path) -> None:
    counts = TradierTrial(tmp_path, seed=11).go(kills=2)
    assert counts.problems == []
    assert counts.engines == 2
