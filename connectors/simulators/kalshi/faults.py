"""What else can go wrong at the practice exchange: mixed frames, a cancel-all that reaches on, a clock that is off."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from connectors.simulators.faults import HTTP_KINDS, WS_KINDS, Faults, FaultSpecError, Kinds, Rule
from connectors.simulators.kalshi.scopes import SCOPES

Frame = tuple[str, dict[str, Any]]  # channel ("" for none), message

SHUFFLE_KINDS: Kinds = {
    "ws-shuffle": (None, "the frames that wait go out in another order: each channel keeps its own, the channels mix"),
}
REACH_MOST = 60  # seconds
VENUE_KINDS: Kinds = {
    "cancel-all-reach": (30, "VALUE seconds (60 at most) after a cancel-all what rests by then is cancelled too"),
}
CLOCK_KINDS: Kinds = {
    "skew": (30, "the servers' clock is VALUE seconds ahead, or behind when negative: signatures, Date"),
}
KINDS: Kinds = {**HTTP_KINDS, **WS_KINDS, **SHUFFLE_KINDS, **VENUE_KINDS, **CLOCK_KINDS}


class ExchangeFaults(Faults):
    """The rules in force at the practice exchange."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, KINDS, SCOPES)

    def read(self, spec: str) -> list[Rule]:
        rules = super().read(spec)
        if any(rule.kind in VENUE_KINDS and not 0 < rule.value <= REACH_MOST for rule in rules):
            raise FaultSpecError(f"fault `{spec}`: VALUE of cancel-all-reach is from 0 to {REACH_MOST} seconds")
        return rules

    @property
    def skew_ns(self) -> int:
        return sum(int(rule.value * 1e9) for rule in self.rules if rule.kind == "skew")

    def shuffles(self, *names: str) -> bool:
        """Whether the frames from this one on are mixed."""
        return self.strike(SHUFFLE_KINDS, names) is not None

    def reach(self) -> Rule | None:
        """Whether a cancel-all reaches into the minute after it."""
        return self.strike(VENUE_KINDS, ("cancel-all", "write"))

    def mixed(self, frames: Sequence[Frame]) -> list[Frame]:
        """The frames with their channels mixed, each channel's in its order."""
        channels: dict[str, deque[Frame]] = {}
        for frame in frames:
            channels.setdefault(frame[0], deque()).append(frame)
        mixed = []
        while channels:
            name = self._random.choice(list(channels))
            mixed.append(channels[name].popleft())
            if not channels[name]:
                del channels[name]
        return mixed
