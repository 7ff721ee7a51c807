"""The kernel as the machine calls it.

Compiled, the call goes through an address (``run.kernel``): were the kernel linked in, it would be compiled anew with
every function on the way to it.
"""

from __future__ import annotations

from typing import Any

from engine.plan.kernel import run as run_kernel
from engine.plan.ops import Group

EVERYTHING = -1  # all groups
WITHOUT_MEMORY = Group.START  # the bit of what has none


def compute(run: Any, begin: int, end: int, stretches: Any, code: Any, pool: Any, v: Any, state: Any) -> None:
    """Compute the stretches from ``begin`` to ``end``, whatever moved."""
    run_kernel(begin, end, EVERYTHING, stretches, code, pool, v, state)


def compute_again(run: Any, begin: int, end: int, stretches: Any, code: Any, pool: Any, v: Any, state: Any) -> None:
    """As ``compute``, of what has no memory: the rest has taken its step."""
    run_kernel(begin, end, WITHOUT_MEMORY, stretches, code, pool, v, state)
