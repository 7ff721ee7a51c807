"""Starting a practice vendor: in this process for tests, or as a server of its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeVar

from connectors.simulators.polygon.app import App
from connectors.simulators.polygon.vendor import Vendor
from connectors.simulators.serving import ThreadedServer

Answer = TypeVar("Answer")


class PolygonServer(ThreadedServer):
    """A practice vendor on loopback in a thread of its own, from ``with`` to its end. Port 0 takes a free one."""

    def __init__(self, vendor: Vendor, port: int = 0) -> None:
        self.app = App(vendor, secrets.token_urlsafe(24))
        super().__init__(self.app, port, "practice polygon", dates=True)

    def do(self, action: Callable[[App], Answer]) -> Answer:
        """Run something in the server's thread, between two requests, and return what it returns."""
        return self.between(lambda: action(self.app))

    def step(self, seconds: float) -> None:
        """Let time of the market pass, and tell what happened in it."""

        def act(app: App) -> None:
            app.vendor.clock.step(int(seconds * 1_000_000_000))
            app.hub.advance()

        self.do(act)
