"""The generated tables stay in step with the catalogue."""

from __future__ import annotations

from engine.plan.generate import LOOPS, TARGET, render, render_loops

MEND = "run python -m engine.plan.generate and commit"


def test_dispatch_is_in_step_with_the_catalogue() -> None:
    assert TARGET.read_text(encoding="utf-8") == render(), MEND


def test_loops_are_in_step_with_the_catalogue() -> None:
    assert LOOPS.read_text(encoding="utf-8") == render_loops(), MEND
