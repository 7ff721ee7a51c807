"""Signal files, made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOOD: dict[str, Any] = {
    "ticker": "KXATPMATCH-26SEP11ZVEKHA-ZVE", "fair_yes_probability": 0.62, "confidence": 0.8,
    "as_of": "2026-09-10T10:00:00Z", "expiry": "2026-09-11T10:00:00Z", "source": "elo",
}  # fmt: skip


def _row(**other: Any) -> dict[str, Any]:
    return {key: value for key, value in (GOOD | other).items() if value is not None}


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    """Makes a good row with some fields otherwise; None leaves a field out."""
    return _row


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as a signal file."""
    path = tmp_path / "alpha.json"

    def act(*rows: Any, **frame: Any) -> Path:
        told = {"version": 1, "generated_at": "2026-09-10T10:00:00Z", "signals": list(rows)} | frame
        path.write_text(json.dumps(told), encoding="utf-8")
        return path

    return act
