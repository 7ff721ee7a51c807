"""What is new of all that a source of signals could say: nothing is told twice."""

from __future__ import annotations

from collections.abc import Container, Iterable

from engine.market.events import Observation


class News:
    """``timed``: facts whose values have an instant of their own, so that the same value of another one is new."""

    def __init__(self, timed: Container[str] = ()) -> None:
        self._timed = timed
        self._told: dict[tuple[str, str], tuple[float | str | bool | None, str, int]] = {}

    def of(self, said: Iterable[Observation]) -> list[Observation]:
        """Those of them that were not told before; they have been told from now on."""
        found = []
        for seen in said:
            timed = seen.value is not None and seen.name in self._timed
            mark = (seen.value, seen.reason, seen.time_ns if timed else 0)
            if self._told.get((seen.symbol, seen.name)) != mark:
                self._told[seen.symbol, seen.name] = mark
                found.append(seen)
        return found

    def forget(self) -> None:
        """Whoever listens is new: everything is to be told again."""
        self._told.clear()
