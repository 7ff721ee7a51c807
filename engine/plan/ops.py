"""The instruction set of the plan and the groups of inputs that can change between two ticks."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Code(IntEnum):
    """Operations of the kernel. Catalogue functions follow from FUNCTION_BASE in the order of the catalogue."""

    ADD = 0
    SUBTRACT = 1
    MULTIPLY = 2
    DIVIDE = 3
    POWER = 4
    NEGATE = 5
    NOT = 6
    AND = 7
    OR = 8
    LESS = 9
    LESS_EQUAL = 10
    GREATER = 11
    GREATER_EQUAL = 12
    EQUAL = 13
    UNEQUAL = 14
    CROSSES_ABOVE = 15
    CROSSES_BELOW = 16
    HELD = 17
    DELAY = 18
    IF = 19
    KNOWN = 20
    OR_ELSE = 21


FUNCTION_BASE: Final = 32


class Group:
    """Inputs that move together, as bits. A node is computed again only when one of its groups moved.

    Plain integers, because every tick combines some and hands them to compiled code.
    """

    BAR: Final = 1
    QUOTE: Final = 2
    CLOCK: Final = 4
    SIGNAL: Final = 8
    POSITION: Final = 16
    PORTFOLIO: Final = 32
    ORDER: Final = 64
    PARAMETER: Final = 128
    STATS: Final = 256
    START: Final = 512  # once, before the first tick: everything without memory


FRAME_SHIFT: Final = 16  # bits above this one: bars of the higher timeframes, in ascending order
BASE_SECONDS: Final = 60  # the bars that sources deliver

# Columns of a program's table of stretches: instructions of one operation that depend on the same groups.
STRETCH_COLUMNS: Final = 4  # operation, first row, one past the last row, groups

# Columns of a program's code table, one row an instruction.
CODE_COLUMNS: Final = 6  # slot, first argument, second argument, where its arguments start in the pool, count, state
