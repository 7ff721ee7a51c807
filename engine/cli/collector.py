"""The garbage collector's part in long commands."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collector() -> Iterator[None]:
    """For work that makes no reference cycles to speak of: looking for them takes up to a quarter of its time.

    What is there at the end is not looked at again either.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def keep_what_is_there() -> None:
    """For work that goes on for long and must never stand still: rules, programs and modules stay until the end, so the
    collector need not look at them again. A look at all of them stops a run for 60 to 80 ms here."""
    gc.collect()
    gc.freeze()
