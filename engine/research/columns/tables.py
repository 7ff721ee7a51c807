"""The tables that the compiled machine works on: one parameter set's rules, as records and lists of numbers.

``tabulate`` makes them of a plan, and ``template`` of the tables of a set with the same structure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.plan.arrays import Codes, Floats, Ints

Range = tuple[int, int]  # of rows in `lists`
Records = np.ndarray[tuple[int, ...], np.dtype[np.void]]


@dataclass(slots=True)
class Candidate:
    """When a strategy may want to enter: all ``columns`` true, and one of the groups or signals moved; or when an exit
    may act (``exits``): none of them false. ``slots``: of its symbol's program, whose columns they are. ``mark``: its
    bit among those of its symbol."""

    symbol: int
    slots: list[int]
    columns: Ints
    groups: int
    signals: int
    mark: int
    exits: bool = False


@dataclass(slots=True)
class Origins:
    """Where in the programs of the symbols (by number) that stands from which a set's own numbers come.

    ``code``: the row of each row of ``Tables.code``. ``loads``: row of ``lists``, symbol, and the slot whose column
    stands there. ``memory``: row of ``lists``, symbol, segment, and which of its memories. ``constants``: places in
    ``v`` and what is in them whatever a program says.
    """

    code: list[tuple[int, int]] = field(default_factory=list)
    loads: list[tuple[int, int, int]] = field(default_factory=list)
    memory: list[tuple[int, int, str, int]] = field(default_factory=list)
    constants: list[tuple[int, float]] = field(default_factory=list)


@dataclass(slots=True)
class Tables:
    """What the machine reads and does not change, and the values that it starts with."""

    symbols: Records
    watches: Records
    entries: Records
    exits: Records
    guards: Records
    held: Records
    bands: Records
    packs: Records
    lists: Ints
    v: Floats
    state_size: int
    stretches: Codes
    code: Codes
    pool: Ints
    settings: Floats
    candidates: list[Candidate]
    names: list[str]  # of symbols: the plan's, then those that are ordered but have no data
    rules: list[str]  # keys, by number: strategies, exits, guards
    strategies: list[str]
    captures: int
    offsets: dict[str, int]  # where in `lists`: setting_packs, strategy_codes, strategy_packs, side_codes, by_name
    reads_realised: bool
    origins: Origins


def rows_of(dtype: np.dtype[np.void], rows: Sequence[Mapping[str, float]]) -> Records:
    """Records from mappings; a field that is not named is 0. There is always one record, so that none is empty."""
    found: Records = np.zeros(max(len(rows), 1), dtype=dtype)
    for number, row in enumerate(rows):
        for name, value in row.items():
            found[number][name] = value
    return found


class Lists:
    """Pairs of numbers; records say from where to where theirs stand."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int]] = []

    def add(self, pairs: Iterable[tuple[int, int]]) -> Range:
        begin = len(self.rows)
        self.rows.extend(pairs)
        return begin, len(self.rows)

    def slots(self, slots: Iterable[int]) -> Range:
        return self.add((slot, 0) for slot in slots)

    def array(self) -> Ints:
        """All pairs."""
        return np.array(self.rows or [(0, 0)], dtype=np.int64)
