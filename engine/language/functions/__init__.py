"""The function catalogue: every function of the language by name, one module per family."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.catalogue import Function
from engine.language.functions import (
    arithmetic,
    averages,
    clock,
    extremes,
    history,
    momentum,
    risk,
    session,
    statistics,
    venue,
    volatility,
)


def merge(*families: Iterable[Function]) -> dict[str, Function]:
    """Functions by name, families in the given order; raises ValueError when two have the same name."""
    catalogue: dict[str, Function] = {}
    for family in families:
        for function in family:
            if function.name in catalogue:
                raise ValueError(f"two functions are named {function.name}")
            catalogue[function.name] = function
    return catalogue


CATALOGUE: dict[str, Function] = merge(
    arithmetic.FUNCTIONS,
    averages.FUNCTIONS,
    momentum.FUNCTIONS,
    volatility.FUNCTIONS,
    extremes.FUNCTIONS,
    history.FUNCTIONS,
    statistics.FUNCTIONS,
    session.FUNCTIONS,
    risk.FUNCTIONS,
    venue.FUNCTIONS,
    clock.FUNCTIONS,
)
