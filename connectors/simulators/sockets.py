"""What the connections of every practice venue share: their words in ASGI, how they end, and faults of their frames."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Generic, TypeVar

from connectors.simulators.faults import Rule
from connectors.simulators.wire import Wire

Message = MutableMapping[str, Any]
Scope = Message
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Frame = TypeVar("Frame")


class Broken(Exception):
    """The connection ends without a word."""


def wire_of(scope: Scope) -> Wire | None:
    """The connection below an ASGI scope; None where there is no network."""
    wire: Wire | None = scope.get("extensions", {}).get("practice.wire")
    return wire


class Frames(Generic[Frame]):
    """What faults make of the frames of one connection."""

    def __init__(self, wire: Wire | None) -> None:
        self._wire = wire
        self._held: Frame | None = None  # goes out after the next one

    def after(self, fault: Rule | None, frame: Frame) -> list[Frame]:
        """The frames to send in place of this one. Raises Broken where the connection is to end."""
        held, self._held = self._held, None
        frames = [frame]
        match fault.kind if fault is not None else None:
            case "ws-lose":
                frames = []
            case "ws-duplicate":
                frames = [frame, frame]
            case "ws-reorder":
                frames, self._held = [], frame
            case "ws-close":
                raise Broken
            case "ws-half-open":
                if self._wire is not None:
                    self._wire.fall_silent()
        return [*frames, held] if held is not None else frames
