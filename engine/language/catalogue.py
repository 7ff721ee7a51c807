"""What a catalogue entry is. The entries themselves are in ``engine.language.functions``, one file per family.

An entry is the one place that says everything of a function: signature with types, documentation, formula and
source, warm-up, runnable examples and its computation. Documentation, completion, the checker, the plan and the
tests of the examples are all made from it.

Computation is a *step*: a plain function on floats and a slice of a float state array, in the subset of Python
that Numba compiles. Per tick the plan calls the step once; over history it calls the same step down a column.
One definition cannot disagree with itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.language.types import Kind


class Flow(StrEnum):
    """When a function's state moves on."""

    PURE = "pure"  # no state: recomputed when an input changes
    BAR = "bar"  # once per bar of the series it reads
    SESSION = "session"  # once per bar, reset at each session open
    TICK = "tick"  # at each evaluation (holds, crosses over quotes)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. ``kinds`` are the kinds accepted; the letter ``same`` ties kinds together across parameters.

    ``constant``: must be known when the rules are loaded (window lengths). ``low``/``high`` bound constants.
    ``default`` None means required. ``whole``: only whole numbers make sense (window lengths).
    """

    name: str
    kinds: tuple[Kind, ...]
    about: str
    constant: bool = False
    default: float | None = None
    low: float | None = None
    high: float | None = None
    same: str = ""
    whole: bool = False

    def excludes(self, value: float) -> bool:
        """Whether a constant lies outside ``low`` and ``high``."""
        return (self.low is not None and value < self.low) or (self.high is not None and value > self.high)


@dataclass(frozen=True, slots=True)
class Example:
    """``expression`` over bars given as columns (None is a missing value) must give ``values``; None is unknown.

    Columns default to a constant session; ``start`` is the local New York wall clock of the first bar's start.
    """

    expression: str
    columns: Mapping[str, tuple[float | None, ...]]
    values: tuple[float | bool | None, ...]
    start: str = "2024-03-05 09:30"
    tolerance: float = 1e-9


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the language.

    ``result``: the kind of the result, or the letter used in ``Parameter.same``.
    ``implicit``: facts that the function reads besides its arguments, in order (``atr`` reads high, low, close);
    they are passed to the step after the arguments.
    ``step``: ``step(state, offset, *arguments) -> float`` (``step(*arguments)`` when PURE). Unknown is NaN.
    ``state_size``: floats of state for given constant arguments, in the order of ``parameters``.
    ``warm_up``: bars before the first known value, for the same arguments.
    ``recursive``: older bars count for ever, less and less, so that a value depends on where the history began.
    """

    name: str
    family: str
    parameters: tuple[Parameter, ...]
    result: Kind | str
    about: str
    formula: str
    source: str
    examples: tuple[Example, ...]
    step: Callable[..., float]
    flow: Flow = Flow.PURE
    implicit: tuple[str, ...] = ()
    state_size: Callable[..., int] = field(default=lambda *constants: 0)
    warm_up: Callable[..., int] = field(default=lambda *constants: 0)
    recursive: bool = False

    @property
    def signature(self) -> str:
        """As the documentation prints it: ``ema(x: price|number, length: number) -> same as x``."""
        parts = []
        for p in self.parameters:
            kinds = "|".join(k.value for k in p.kinds)
            default = "" if p.default is None else f" = {p.default:g}"
            parts.append(f"{p.name}: {'const ' if p.constant else ''}{kinds}{default}")
        result = self.result.value if isinstance(self.result, Kind) else self._same(self.result)
        return f"{self.name}({', '.join(parts)}) -> {result}"

    def _same(self, letter: str) -> str:
        return "same as " + next(p.name for p in self.parameters if p.same == letter)
