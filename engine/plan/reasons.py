"""Why a value is unknown, read off the graph: the deepest causes, not the path to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.market.facts import FactSpec, Scope
from engine.plan.program import InputKey, Program

_BY_SCOPE = {
    Scope.BAR: "no bar yet",
    Scope.QUOTE: "no quote yet",
    Scope.CLOCK: "outside regular hours",
    Scope.SIGNAL: "nothing has been observed",
    Scope.POSITION: "there is no position",
    Scope.PORTFOLIO: "not known yet",
    Scope.ORDER: "the order has none",
    Scope.STATS: "too few closed trades",
    Scope.INSTRUMENT: "not known",
}


class Reasons:
    """Answers why slots of one program are unknown, given all its values."""

    def __init__(self, program: Program, facts: Mapping[str, FactSpec], said: Mapping[str, str] | None = None) -> None:
        self._program, self._facts, self._said = program, facts, said or {}
        self._keys = {slot: key for key, slot in program.inputs.items()}

    def why(self, slot: int, values: Any) -> list[str]:
        """The causes of an unknown value, each once, in the order in which the expression reads them."""
        causes: dict[str, None] = {}
        self._collect(slot, values, causes, set())
        return list(causes)

    def _collect(self, slot: int, values: Any, causes: dict[str, None], seen: set[int]) -> None:
        if slot in seen or values[slot] == values[slot]:
            return
        seen.add(slot)
        key = self._keys.get(slot)
        if key is not None:
            causes[self._input(key, values)] = None
            return
        instruction = self._program.instructions.get(slot)
        if instruction is None:
            return
        before = len(causes)
        for argument in instruction.args:
            self._collect(argument, values, causes, seen)
        if len(causes) == before:
            causes[_own_reason(instruction.name, instruction.term.text, instruction.warm_up)] = None

    def _input(self, key: InputKey, values: Any) -> str:
        if key.what == "entry":
            return "there is no position"
        if key.what == "statistic":
            return f"fewer than {key.seconds} closed trades"
        if key.what == "time":
            return f"{key.name} has never been seen"
        said = self._said.get(key.name)
        if said:
            return f"{key.name}: {said}"
        if key.name == "volume":
            close = self._program.inputs.get(InputKey("fact", "close", key.seconds))
            if close is not None and values[close] == values[close]:
                return "volume is unknown: an index trades nothing"
        spec = self._facts.get(key.name)
        frame = f" of {key.seconds // 60}m" if key.seconds > 60 else ""
        return f"{key.name}{frame}: {_BY_SCOPE[spec.scope] if spec else 'not known'}"


def _own_reason(name: str, text: str, warm_up: int) -> str:
    """An operator that is unknown although all its inputs are known."""
    if warm_up:
        return f"`{text}` is warming up: it needs {warm_up + 1} bars"
    if name == "/":
        return f"`{text}` divides by zero"
    return f"`{text}` has no value yet"
