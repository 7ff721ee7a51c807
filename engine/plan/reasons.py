"""Why a value is unknown, read off the graph: the deepest causes, not the path to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.language.catalogue import Flow
from engine.language.functions import CATALOGUE
from engine.language.terms import Op
from engine.market.facts import FactSpec, Scope
from engine.plan.ops import BASE_SECONDS
from engine.plan.program import InputKey, Instruction, Program

_BY_SCOPE = {
    Scope.CLOCK: "outside regular hours",
    Scope.PORTFOLIO: "not known yet",
    Scope.ORDER: "the order has none",
    Scope.STATS: "too few closed trades",
    Scope.INSTRUMENT: "not known",
}
_NO_POSITION = "there is no position"
_KNOWN_WHEN_FLAT = ("position.open", "position.quantity")


class Reasons:
    """Answers why slots of one program are unknown, given all its values.

    ``said``: what signal connectors said of facts that they do not know; None when that was not kept. ``bars``: how
    many bars of each timeframe (seconds) have been seen; None when that was not kept.
    """

    def __init__(
        self,
        program: Program,
        facts: Mapping[str, FactSpec],
        said: Mapping[str, str] | None = None,
        bars: Mapping[int, int] | None = None,
    ) -> None:
        self._program, self._facts, self._said, self._bars = program, facts, said, bars
        self._keys = {slot: key for key, slot in program.inputs.items()}

    def why(self, slot: int, values: Any) -> list[str]:
        """The causes of an unknown value, in the order in which the expression reads them; equal ones are merged."""
        causes: dict[str, dict[str, None]] = {}
        self._collect(slot, values, causes, set())
        return [f"{', '.join(subjects)}: {cause}" for cause, subjects in causes.items()]

    def _collect(self, slot: int, values: Any, causes: dict[str, dict[str, None]], seen: set[int]) -> None:
        if slot in seen or _known(values[slot]):
            return
        seen.add(slot)
        key = self._keys.get(slot)
        if key is not None:
            causes.setdefault(self._of_input(key, values), {})[_subject(key)] = None
            return
        instruction = self._program.instructions.get(slot)
        if instruction is None:
            return
        unknown = [a for a in _read(instruction, values) if not _known(values[a])]
        for argument in unknown:
            self._collect(argument, values, causes, seen)
        if not unknown:
            causes.setdefault(self._of_operator(instruction), {})[f"`{instruction.term.text}`"] = None

    # -- inputs ----------------------------------------------------------------------------------------------------

    def _of_input(self, key: InputKey, values: Any) -> str:
        if key.what == "entry":
            return "unknown when the position was entered" if self._has_position(key.owner, values) else _NO_POSITION
        if key.what == "statistic":
            return f"fewer than {key.seconds} closed trades"
        if key.what == "time":
            return "it has never been seen"
        spec = self._facts.get(key.name)
        scope = spec.scope if spec is not None else Scope.INSTRUMENT
        if scope is Scope.SIGNAL:
            if self._said is None:
                return "not known then"
            return self._said.get(key.name) or "nothing has been observed"
        if scope is Scope.CLOCK and self._said is not None and key.name in self._said:
            return self._said[key.name]
        if scope is Scope.BAR:
            return self._of_bar(key, values)
        if scope is Scope.QUOTE:
            one_sided = any(self._is_known(InputKey("fact", side), values) for side in ("bid", "ask"))
            return "the last quote has none" if one_sided else "no quote yet"
        if scope is Scope.POSITION:
            return "the position has none" if self._has_position(key.owner, values) else _NO_POSITION
        return _BY_SCOPE[scope]

    def _of_bar(self, key: InputKey, values: Any) -> str:
        if key.name == "volume" and any(
            self._is_known(InputKey("fact", name, key.seconds), values) for name in ("close", "high", "low", "open")
        ):
            return "the bar has none (an index trades nothing)"
        return "no bar yet" if key.seconds <= BASE_SECONDS else "no complete bar yet"

    def _has_position(self, owner: str, values: Any) -> bool:
        return any(
            key.owner == owner and key.what == "fact" and key.name not in _KNOWN_WHEN_FLAT and _known(values[slot])
            for key, slot in self._program.inputs.items()
        ) or any(
            values[slot] == 1.0
            for key, slot in self._program.inputs.items()
            if key.owner == owner and key.name == "position.open"
        )

    def _is_known(self, key: InputKey, values: Any) -> bool:
        slot = self._program.inputs.get(key)
        return slot is not None and _known(values[slot])

    # -- operators that are unknown although all their inputs are known --------------------------------------------

    def _of_operator(self, instruction: Instruction) -> str:
        name, term = instruction.name, instruction.term
        function = CATALOGUE.get(name) if term.op is Op.FUNCTION else None
        if function is not None and function.flow is Flow.SESSION:
            if instruction.warm_up:
                return f"warming up, needs {instruction.warm_up + 1} bars of the session"
            return "has no value yet in this session"
        if instruction.warm_up:
            return self._warming(instruction)
        if name == "/":
            return "divides by zero"
        return "has no value for these operands"

    def _warming(self, instruction: Instruction) -> str:
        needs = self._needs(instruction.slot)
        seconds = instruction.term.seconds or BASE_SECONDS
        frame = _frame(seconds)
        wanted = needs.get(seconds, instruction.warm_up) + 1
        if self._bars is None or len(needs) != 1:
            return f"warming up, needs {wanted} bars{frame}"
        have = self._bars.get(seconds, 0)
        if have < wanted:
            return f"warming up, needs {wanted} bars{frame}, has {have}"
        return f"needs {wanted} bars{frame} without a gap"

    def _needs(self, slot: int) -> dict[int, int]:
        """Bars of each timeframe that must have passed before a value can be known: warm-ups along the way add up."""
        instruction = self._program.instructions.get(slot)
        if instruction is None:
            return {}
        needs: dict[int, int] = {}
        for argument in instruction.args:
            for seconds, bars in self._needs(argument).items():
                needs[seconds] = max(needs.get(seconds, 0), bars)
        if instruction.warm_up:
            seconds = instruction.term.seconds or BASE_SECONDS
            needs[seconds] = needs.get(seconds, 0) + instruction.warm_up
        return needs


def _known(value: float) -> bool:
    return bool(value == value)


def _subject(key: InputKey) -> str:
    if key.what == "entry":
        return "position.at_entry"
    if key.what == "time":
        return f"age({key.name})"
    return key.name + _frame(key.seconds)


def _frame(seconds: int) -> str:
    """`` of 5m`` for a higher timeframe, nothing for the bars that sources deliver."""
    if seconds <= BASE_SECONDS:
        return ""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f" of {seconds // size}{unit}"
    return f" of {seconds}s"


def _read(instruction: Instruction, values: Any) -> tuple[int, ...]:
    """The arguments that the value hangs on: of an `if` whose condition is known, only the branch that is taken."""
    if instruction.term.op is Op.IF and _known(values[instruction.args[0]]):
        return (instruction.args[1 if values[instruction.args[0]] == 1.0 else 2],)
    return instruction.args
