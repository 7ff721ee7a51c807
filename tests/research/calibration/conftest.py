"""Outcomes made to order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from engine.research.calibration.outcomes import Outcomes, read_outcomes

START = datetime(2026, 1, 1, tzinfo=UTC)
MakeFile = Callable[..., Path]
MakeOutcomes = Callable[..., Outcomes]


@pytest.fixture
def outcomes_file(tmp_path: Path) -> MakeFile:
    """A CSV file of ``events`` events, every second one asked about twice; what comes true has logit
    ``intercept + slope * logit p``. ``market``: with the price that is right but for some noise.
    """

    def made(events: int, slope: float = 1.0, intercept: float = 0.0, market: bool = False, seed: int = 1) -> Path:
        source = np.random.default_rng(seed)
        lines = ["probability,outcome,time,event" + (",market_price" if market else "")]
        for number in range(events):
            p = float(np.clip(source.beta(1.3, 1.3), 0.02, 0.98))
            true = 1 / (1 + np.exp(-intercept - slope * np.log(p / (1 - p))))
            came = int(source.random() < true)
            price = f",{np.clip(true + source.normal(0, 0.02), 0.01, 0.99):.3f}" if market else ""
            for hour in range(1 + number % 2):
                when = (START + timedelta(hours=6 * number + hour)).isoformat()
                lines.append(f"{p:.4f},{came},{when},E{number}{price}")
        path = tmp_path / "outcomes.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return made


@pytest.fixture
def outcomes(outcomes_file: MakeFile) -> MakeOutcomes:
    return lambda *arguments, **options: read_outcomes(outcomes_file(*arguments, **options))
