"""The generated dispatch table stays in step with the catalogue."""

from __future__ import annotations

from engine.plan.generate import TARGET, render


def test_dispatch_is_in_step_with_the_catalogue() -> None:
    assert TARGET.read_text(encoding="utf-8") == render(), "run python -m engine.plan.generate and commit"
