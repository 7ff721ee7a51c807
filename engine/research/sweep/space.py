"""The search space of a pack: the values that its rules' own ``search`` ranges name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import gcd, prod

from engine.ruleset.linker import SHARED
from engine.ruleset.rules import Ruleset

GOLDEN = 0.6180339887498949
STEPS = 64  # that are compared
LOOKED_AT = 500  # sets of each

ParameterSet = Mapping[str, float]
"""Values by parameter key, in the order of the space, each in the base unit of its kind."""


class SpaceError(Exception):
    """A pack that cannot be swept. The text names it and the mend."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One searched parameter: its key, its kind in words, and at least one value, in rising order."""

    key: str
    kind: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Space:
    """All combinations of the values of ``dimensions``; ``defaults`` are what the rules have today, which may lie
    between the values."""

    dimensions: tuple[Dimension, ...]
    defaults: ParameterSet

    @cached_property
    def size(self) -> int:
        """How many combinations there are."""
        return prod(len(dimension.values) for dimension in self.dimensions)

    def at(self, number: int) -> dict[str, float]:
        """Combination ``number``, 0 up to ``size``: the last dimension turns fastest."""
        found: dict[str, float] = {}
        for dimension in reversed(self.dimensions):
            number, place = divmod(number, len(dimension.values))
            found[dimension.key] = dimension.values[place]
        return {dimension.key: found[dimension.key] for dimension in self.dimensions}

    def of(self, places: Mapping[str, int]) -> dict[str, float]:
        """The combination with these places in the dimensions' values, by key."""
        return {dimension.key: dimension.values[places[dimension.key]] for dimension in self.dimensions}

    def spread(self, most: int) -> Iterator[dict[str, float]]:
        """Every combination when there are at most ``most``, else ``most`` different ones spread over all of them.

        The numbers of those are multiples of a step that shares no divisor with the size and is close to the golden
        part of it (a Kronecker sequence): no two fall together, and they lie about as far apart as so many can. Of
        the closest such steps the one is taken that uses the values of every dimension most evenly. Nothing is drawn,
        so the same space gives the same subset.
        """
        if self.size <= most:
            yield from map(self.at, range(self.size))
            return
        step = min(islice(self._steps(), STEPS), key=lambda step: self._unevenness(step, most))
        for turn in range(most):
            yield self.at(turn * step % self.size)

    def _steps(self) -> Iterator[int]:
        """Steps that lead to every number, the closest to the golden part first."""
        near = round(self.size * GOLDEN)
        for distance in range(self.size):
            for step in dict.fromkeys((near + distance, near - distance)):
                if 0 < step < self.size and gcd(step, self.size) == 1:
                    yield step

    def _unevenness(self, step: int, most: int) -> int:
        """How much more often the most used value of a dimension is used than the least used one, at worst."""
        numbers = [turn * step % self.size for turn in range(min(most, LOOKED_AT))]
        worst, below = 0, 1
        for dimension in reversed(self.dimensions):
            radix = len(dimension.values)
            used = [0] * radix
            for number in numbers:
                used[number // below % radix] += 1
            worst, below = max(worst, max(used) - min(used)), below * radix
        return worst

    def neighbours(self, values: ParameterSet) -> list[dict[str, float]]:
        """Combinations one step away in one dimension; for values between two of a dimension both count."""
        found = []
        for dimension in self.dimensions:
            have = values[dimension.key]
            below = [value for value in dimension.values if value < have][-1:]
            above = [value for value in dimension.values if value > have][:1]
            found += [{**values, dimension.key: value} for value in (*below, *above)]
        return found


def space_of(ruleset: Ruleset, pack: str) -> Space:
    """What the parameters of a pack, and of what packs share, may be searched over.

    Raises SpaceError when no parameter has a range of at least two values.
    """
    dimensions = tuple(
        Dimension(parameter.key, str(parameter.kind), tuple(sorted(set(parameter.search))))
        for key, parameter in sorted(ruleset.parameters.items())
        if parameter.search and key.partition(".")[0] in (pack, SHARED)
    )
    if not any(len(dimension.values) > 1 for dimension in dimensions):
        raise SpaceError(
            f"no parameter of {pack} says over which values it may be searched; write them in the rule: "
            "params: {fast: {default: 20, search: [10, 20, 30]}}"
        )
    return Space(dimensions, {d.key: ruleset.parameters[d.key].value for d in dimensions})
