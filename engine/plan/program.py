"""A program: what the plan of one symbol compiles to, and the values it works on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from engine.language.terms import Term
from engine.plan import kernel
from engine.plan.arrays import Codes, Floats, Ints
from engine.plan.ops import Group

Runner = Callable[[int, int, int, Codes, Codes, Ints, Floats, Floats], None]


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
    """Values and state of one symbol's program. ``run`` is the only thing that computes."""

    __slots__ = ("_code", "_main", "_pool", "_run", "_state", "_stretches", "program", "v")

    def __init__(self, program: Program, run: Runner = kernel.run) -> None:
        self.program = program
        self.v: Floats = program.initial.copy()
        self._state: Floats = np.zeros(max(program.state_size, 1))
        self._run, self._stretches, self._code, self._pool = run, program.stretches, program.code, program.pool
        self._main = program.segments["main"]
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
