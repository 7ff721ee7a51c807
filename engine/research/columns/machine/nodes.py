"""The kernel as the machine calls it.

Compiled, the call goes through an address (``run.kernel``): were the kernel linked in, it would be compiled anew with
every function on the way to it.
"""

from __future__ import annotations

from typing import Any

from engine.plan.kernel import run as run_kernel

EVERYTHING = -1  # all groups


def compute(run: Any, begin: int, end: int, stretches: Any, code: Any, pool: Any, v: Any, state: Any) -> None:
    """Compute the stretches from ``begin`` to ``end``, whatever moved."""
    run_kernel(begin, end, EVERYTHING, stretches, code, pool, v, state)
