"""The machine compiled by Numba, once per machine and source; see ``engine.plan.compiled``."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.language.functions import CATALOGUE
from engine.plan import column_kernel, loops
from engine.plan.build import FUNCTION_CODES
from engine.plan.column_kernel import Loops
from engine.plan.compiled import Linker, address_of, by_address, code_folder, compiled_kernel, kernel_linker
from engine.research.columns import folding
from engine.research.columns.machine import (
    account,
    book,
    broker,
    costs,
    entries,
    events,
    exits,
    facts,
    guards,
    layout,
    loop,
    matching,
    nodes,
    numbers,
    passing,
    resting,
    settlement,
)
from engine.research.columns.tables import Records


class Machine(NamedTuple):
    """The functions that the driver calls. ``records``: how they want to see arrays of records;
    ``kernel``: the address of the compiled kernel. ``compiling``: goes around their first calls of a run."""

    advance: Callable[..., int]
    loops: Loops
    mark_true: Callable[..., None]
    mark_possible: Callable[..., None]
    fold: Callable[..., None]
    records: Callable[[Records], Records]
    kernel: int
    compiling: Callable[[], AbstractContextManager[None]]


def _compute(groups: int) -> Callable[..., None]:
    """``nodes.compute`` or ``nodes.compute_again`` as compiled code has them."""
    call = by_address()

    def compute(run: Any, begin: int, end: int, stretches: Any, code: Any, pool: Any, v: Any, state: Any) -> None:
        call(run.kernel, (begin, end, groups, stretches, code, pool, v, state))

    return compute


def _loop_of(function: str) -> str:
    return f"down_{function}"


def _loops(names: Mapping[str, Any]) -> Loops:
    of_functions = {code: names[_loop_of(name)] for name, code in FUNCTION_CODES.items()}
    return Loops(names["down_operator"], names["down_crossing"], of_functions)


def _with_names(records: Records) -> Records:
    return records.view(np.recarray)


def _as_they_are(records: Records) -> Records:
    return records


MODULES = (
    numbers, resting, account, settlement, costs, book, matching, broker, facts, guards, exits, entries, events,
    passing, loop,
)  # fmt: skip
# What every visited tick goes through. Passing its many arrays from function to function would cost more than the work.
INLINED = frozenset((
    "skip", "may_exit", "glide", "shut", "broker_sees", "take_in", "bring_up", "bring_up_to_date", "sync", "wanted",
    "find_wanted", "turn", "has_exits", "insert", "look_out", "touches", "reached", "mark_bar", "enter", "may_enter",
    "market_of", "priced", "want", "place_bracket", "bracket_fits", "within_pack_limits", "carry_out", "one", "place",
    "admitted", "match_bar", "collect", "take", "fill", "book", "move_position", "open_position", "fee_of_fill",
    "lose_group", "settle", "forget_ended", "write_position", "run_exits", "log_order", "new_order",
))  # fmt: skip
INTERPRETED = Machine(
    loop.advance, _loops(vars(column_kernel) | vars(loops)), column_kernel.mark_true, column_kernel.mark_possible,
    folding.fold, _with_names, 0, nullcontext,
)  # fmt: skip
SOURCES = (sys.modules[__name__], column_kernel, folding, layout, loops, nodes, *MODULES)


def is_compiled() -> bool:
    """Whether this machine has compiled the present sources before, so that nobody waits for it."""
    return _mark().exists()


def _mark() -> Path:
    """A file beside the code that says for which compiler and processor it was made."""
    import llvmlite.binding as llvm
    import numba

    return code_folder("machine", SOURCES) / f"numba-{numba.__version__}-{llvm.get_host_cpu_name()}"


@contextmanager
def _compiling() -> Iterator[None]:
    """Of several processes one compiles, and the others wait for its code."""
    mark = _mark()
    if mark.exists() or not os.access(mark.parent, os.W_OK):
        yield
        return
    with (mark.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        mark.touch()


@cache
def compiled_machine() -> Machine:
    """The compiled machine. The first call of each function on a machine compiles, later ones load."""
    linker = Linker("machine", SOURCES, kernel_linker())
    linker.replace(nodes.compute, _compute(nodes.EVERYTHING))  # type: ignore[arg-type]
    linker.replace(nodes.compute_again, _compute(nodes.WITHOUT_MEMORY))  # type: ignore[arg-type]
    linker.module(column_kernel, kept=("down_operator", "down_crossing", "mark_true", "mark_possible"))
    linker.module(loops, kept=tuple(map(_loop_of, CATALOGUE)))
    linker.module(folding, kept=("fold",))
    for module in MODULES:
        # It makes no arrays, so none are counted; and where it divides, it has looked at the divisor.
        linker.module(module, ("advance",), INLINED, _nrt=False, error_model="numpy")
    names: dict[str, Any] = linker.names
    kernel = address_of(compiled_kernel().run)
    return Machine(
        names["advance"], _loops(names), names["mark_true"], names["mark_possible"], names["fold"], _as_they_are,
        kernel, _compiling,
    )  # fmt: skip
