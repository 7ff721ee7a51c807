"""A program: what the plan of one symbol compiles to, and the values it works on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from engine.language.terms import Term
from engine.plan import kernel
from engine.plan.arrays import Codes, Floats, Ints
from engine.plan.ops import Group


class Kernel(NamedTuple):
    """The functions of ``engine.plan.kernel``, interpreted or compiled."""

    run: Callable[[int, int, int, Codes, Codes, Ints, Floats, Floats], None]
    run_rows: Callable[..., int]


INTERPRETED = Kernel(kernel.run, kernel.run_rows)


class InputKey(NamedTuple):
    """What a slot is fed with.

    ``what``: ``fact``, ``time`` (when a fact last moved), ``entry`` (a value kept from the entry decision, its
    number in ``seconds``), ``statistic`` (its argument in ``seconds``) or ``parameter``.
    ``owner``: the strategy whose position is meant, ``#order`` in guards, empty for everything else.
    """

    what: str
    name: str
    seconds: int = 0
    owner: str = ""


class Segment(NamedTuple):
    """The stretches (rows of ``Program.stretches``) that run together."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Instruction:
    """One node as people see it: for traces, reasons and coverage."""

    slot: int
    name: str
    args: tuple[int, ...]
    term: Term
    warm_up: int = 0


@dataclass(slots=True)
class Program:
    """Compiled expressions of one symbol.

    ``slots``: where each (term, owner) has its value. ``captures``: for each ``position.at_entry`` of a strategy,
    the slot to read at the entry decision and the slot to write afterwards.
    """

    stretches: Codes
    code: Codes
    pool: Ints
    initial: Floats
    state_size: int
    inputs: Mapping[InputKey, int]
    slots: Mapping[tuple[int, str], int]
    instructions: Mapping[int, Instruction]
    segments: Mapping[str, Segment]
    frames: tuple[int, ...]
    captures: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    memories: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)  # state (offset, size)
    terms: list[Term] = field(default_factory=list)  # keeps ids of `slots` alive

    def slot(self, term: Term, owner: str = "") -> int:
        """Where the value of a term stands."""
        return self.slots[id(term), owner]

    def frame_bit(self, seconds: int) -> int:
        """Event bit of a higher timeframe."""
        return 1 << (16 + self.frames.index(seconds))


class Memory:
    """Values and state of one symbol's program. The kernel is the only thing that computes."""

    __slots__ = ("_ahead", "_code", "_kernel", "_main", "_pool", "_run", "_state", "_stretches", "program", "v")

    def __init__(self, program: Program, kernel: Kernel = INTERPRETED) -> None:
        self.program = program
        self.v: Floats = program.initial.copy()
        self._state: Floats = np.zeros(max(program.state_size, 1))
        self._kernel, self._run = kernel, kernel.run
        self._stretches, self._code, self._pool = program.stretches, program.code, program.pool
        self._main = program.segments["main"]
        self._ahead = (np.empty_like(self.v), np.empty_like(self._state), -1)
        self.compute("main", Group.START)

    def compute(self, segment: str, event: int) -> None:
        """Recompute the nodes of a segment whose inputs moved; one that has no nodes of its own needs nothing."""
        found = self.program.segments.get(segment)
        if found is None:
            return
        begin, end = found
        self._run(begin, end, event, self._stretches, self._code, self._pool, self.v, self._state)

    def reset(self, segment: str) -> None:
        """Forget the memory of a segment's operators: a new position starts with none of the last one's past."""
        for offset, size in self.program.memories.get(segment, ()):
            self._state[offset : offset + size] = 0.0

    def compute_main(self, event: int) -> None:
        """As ``compute("main", …)``, on the hot path."""
        begin, end = self._main
        self._run(begin, end, event, self._stretches, self._code, self._pool, self.v, self._state)

    def look_ahead(self, rows: Rows, watches: Watches, first: int, last: int) -> int:
        """The first row from ``first`` whose values make a watch true, or ``last``; nothing changes yet."""
        v, state, _ = self._ahead
        np.copyto(v, self.v)
        np.copyto(state, self._state)
        found = self._run_rows(v, state, rows, watches, first, last)
        self._ahead = (v, state, found if found == last else -1)
        return found

    def take_rows(self, rows: Rows, first: int, last: int) -> None:
        """Move on from row ``first`` to before ``last``; a look ahead from the same row may have done the work."""
        v, state, reached = self._ahead
        if reached == last:
            np.copyto(self.v, v)
            np.copyto(self._state, state)
        else:
            self._run_rows(self.v, self._state, rows, NO_WATCHES, first, last)
        self._ahead = (v, state, -1)

    def _run_rows(self, v: Floats, state: Floats, rows: Rows, watches: Watches, first: int, last: int) -> int:
        begin, end = self._main
        return self._kernel.run_rows(
            begin, end, rows.event, self._stretches, self._code, self._pool, v, state,
            rows.values, rows.slots, watches.slots, watches.table, first, last,
        )  # fmt: skip


class Rows(NamedTuple):
    """Inputs of one symbol's program at successive instants: which groups move, shape (instants, inputs), and the
    slot of each input."""

    event: int
    values: Floats
    slots: Ints


class Watches(NamedTuple):
    """Conditions to look out for. ``table``, shape (watches, 3): for each the begin and end of its part of ``slots``,
    all of which must be true, and whether unknown counts as true.
    """

    slots: Ints
    table: Ints

    @classmethod
    def of(cls, conditions: Iterable[tuple[Sequence[int], bool]]) -> Watches:
        """From the slots of each condition, and whether unknown counts as true."""
        slots: list[int] = []
        table: list[tuple[int, int, int]] = []
        for watched, unknown_counts in conditions:
            table.append((len(slots), len(slots) + len(watched), int(unknown_counts)))
            slots += watched
        return cls(np.array(slots, dtype=np.int64), np.array(table, dtype=np.int64).reshape(len(table), 3))


NO_WATCHES = Watches.of(())
