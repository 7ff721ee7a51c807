"""How far back programs look: the bars that they must have seen before everything in them is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.language.catalogue import Flow
from engine.language.functions import CATALOGUE
from engine.language.terms import Op
from engine.plan.ops import BASE_SECONDS
from engine.plan.program import Instruction, Program

SETTLED = 10  # times its length: what an exponential average began with has a share of 2e-9 then
DAY_SECONDS = 86_400
BAR_FACTS = frozenset({"open", "high", "low", "close", "volume"})


class Lookback(NamedTuple):
    """``seconds`` of regular hours, and whole ``sessions``, before the newest bar; ``session``: bars are read at all,
    and today's may count (from the session's open, or for as long as something has been true)."""

    seconds: int = 0
    sessions: int = 0
    session: bool = False


class Warming(NamedTuple):
    """An expression that is not known at once, and how many bars of how many seconds each it needs."""

    text: str
    bars: int
    seconds: int


def lookback(programs: Iterable[Program]) -> Lookback:
    """The farthest of all; of what goes on for ever as far as it makes a difference."""
    found = Lookback()
    for program in programs:
        for instruction in program.instructions.values():
            needs = _needs(program, instruction, SETTLED)
            seconds = sum(bars * frame for frame, bars in needs.items() if frame < DAY_SECONDS)
            found = Lookback(
                max(found.seconds, seconds), max(found.sessions, needs.get(DAY_SECONDS, 0)),
                found.session,
            )  # fmt: skip
        if any(key.what in ("fact", "time") and key.name in BAR_FACTS for key in program.inputs):
            found = found._replace(session=True)
    return found


def warming(program: Program) -> Iterator[Warming]:
    """Every function of a program that needs several bars, by the bars of its longest timeframe."""
    for instruction in program.instructions.values():
        if instruction.warm_up and not _of_session(instruction):
            seconds, bars = max(_needs(program, instruction, 1).items())
            yield Warming(instruction.term.text, bars + 1, seconds)


def of_session(program: Program) -> list[str]:
    """The expressions that are counted from the session's open."""
    return list(dict.fromkeys(i.term.text for i in program.instructions.values() if _of_session(i)))


def _of_session(instruction: Instruction) -> bool:
    term = instruction.term
    return term.op is Op.FUNCTION and CATALOGUE[term.name].flow is Flow.SESSION


def _needs(program: Program, instruction: Instruction, settled: int) -> dict[int, int]:
    """Bars of each timeframe (seconds) before a value is known; those of what it is made of come before its own."""
    needs: dict[int, int] = {}
    for argument in instruction.args:
        inner = program.instructions.get(argument)
        for seconds, bars in (_needs(program, inner, settled) if inner is not None else {}).items():
            needs[seconds] = max(needs.get(seconds, 0), bars)
    if instruction.warm_up:
        term = instruction.term
        recursive = term.op is Op.FUNCTION and CATALOGUE[term.name].recursive
        seconds = term.seconds or BASE_SECONDS
        needs[seconds] = needs.get(seconds, 0) + instruction.warm_up * (settled if recursive else 1)
    return needs
