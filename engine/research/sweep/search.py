"""Which sets are tried: all of a grid, an even part of it, a random part, or wherever it looked promising."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Literal, Protocol

from engine.research.sweep.space import Space

Method = Literal["grid", "random", "tpe"]


class Search(Protocol):
    """Proposes sets a batch at a time. Batches depend on the space, the seed and earlier scores, never on how many
    workers there are or how fast; so a search that starts again from kept scores proposes the same sets."""

    def propose(self) -> list[dict[str, float]]:
        """The next sets to try, each at most once; empty when the search is over."""
        ...

    def learn(self, scores: Sequence[float]) -> None:
        """The scores of the last batch, in its order; more is better."""
        ...


class Listed:
    """Sets that are known beforehand, in one batch."""

    def __init__(self, sets: Sequence[Mapping[str, float]]) -> None:
        self._sets = [dict(one) for one in sets]

    def propose(self) -> list[dict[str, float]]:
        batch, self._sets = self._sets, []
        return batch

    def learn(self, scores: Sequence[float]) -> None:
        """What is known beforehand learns nothing."""


def make_search(method: Method, space: Space, most: int, seed: int) -> Search:
    """A search for at most ``most`` sets. The rules' own defaults always come first: what is found is held against
    what is there."""
    if method == "tpe":
        from engine.research.sweep.tpe import Tpe  # late: it brings optuna

        return Tpe(space, most, seed)
    found = space.spread(most) if method == "grid" else _random(space, most, seed)
    return Listed(_with_defaults(space, list(found), most))


def _with_defaults(space: Space, sets: list[dict[str, float]], most: int) -> list[dict[str, float]]:
    defaults = dict(space.defaults)
    return [defaults, *(one for one in sets if one != defaults)][:most]


def _random(space: Space, most: int, seed: int) -> Iterator[dict[str, float]]:
    """Different combinations, each as likely as any other: numbers are drawn by SHA-256 of the seed and a counter, the
    same on every machine and in every version of Python."""
    if space.size <= most:
        yield from space.spread(most)
        return
    drawn: set[int] = set()
    for turn in _counter():
        number = int.from_bytes(sha256(f"{seed}/{turn}".encode()).digest()) % space.size
        if number not in drawn:
            drawn.add(number)
            yield space.at(number)
            if len(drawn) == most:
                return


def _counter() -> Iterator[int]:
    turn = 0
    while True:
        yield turn
        turn += 1

