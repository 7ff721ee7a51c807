"""The machine compiled by Numba, once per machine and source; see ``engine.plan.compiled``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from engine.plan import column_kernel
from engine.plan.compiled import Linker
from engine.research.columns import folding
from engine.research.columns.tables import Records
from engine.research.columns.machine import (
    book,
    broker,
    entries,
    exits,
    facts,
    guards,
    layout,
    loop,
    matching,
    numbers,
)


class Machine(NamedTuple):
    """The functions that the driver calls. ``records``: how they want to see arrays of records."""

    advance: Callable[..., int]
    run_columns: Callable[..., None]
    mark_true: Callable[..., None]
    fold: Callable[..., None]
    records: Callable[[Records], Records]


def _with_names(records: Records) -> Records:
    return records.view(np.recarray)


def _as_they_are(records: Records) -> Records:
    return records


MODULES = (numbers, book, matching, broker, facts, guards, exits, entries, loop)
INTERPRETED = Machine(loop.advance, column_kernel.run_columns, column_kernel.mark_true, folding.fold, _with_names)


@cache
def compiled_machine() -> Machine:
    """The compiled machine. The first call of each function on a machine compiles, later ones load."""
    linker = Linker("machine", (column_kernel, folding, layout, *MODULES))
    linker.kernel()
    linker.module(column_kernel, kept=("run_columns", "mark_true"))
    linker.module(folding, kept=("fold",))
    for module in MODULES:
        linker.module(module, kept=("advance",))
    names: dict[str, Any] = linker.names
    return Machine(names["advance"], names["run_columns"], names["mark_true"], names["fold"], _as_they_are)
