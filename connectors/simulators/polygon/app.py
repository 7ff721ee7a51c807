"""The ASGI application: REST, websockets and the control side of one practice vendor."""

from __future__ import annotations

from typing import Any

from connectors.simulators.app import PracticeApp
from connectors.simulators.control import Control, Json
from connectors.simulators.polygon.hub import Hub
from connectors.simulators.polygon.rest import answer, route
from connectors.simulators.polygon.socket import Socket
from connectors.simulators.polygon.vendor import Vendor
from connectors.simulators.request import Reply, Request
from connectors.simulators.sockets import Receive, Scope, Send

LONGEST_STEP_NS = 7 * 86_400 * 1_000_000_000


class App(PracticeApp):
    """One practice vendor. With a clock that runs, time passes while it is served."""

    beat_seconds = 0.02
    brand = "Polygon"

    def __init__(self, vendor: Vendor, control_token: str) -> None:
        self.vendor, self.hub = vendor, Hub(vendor)
        super().__init__(vendor.faults, VendorControl(vendor, self.hub, control_token))

    def tick(self) -> None:
        if self.vendor.clock.speed:
            self.hub.advance()

    def names_of(self, request: Request) -> tuple[str, str] | None:
        found = route(request.path) if request.method == "GET" else None
        return (found[0], "read") if found is not None else None

    def answer(self, request: Request) -> Reply:
        return answer(self.vendor, request)

    def too_many(self) -> Reply:
        words = "You've exceeded the maximum requests per minute, please wait or upgrade."
        return Reply(429, {"status": "ERROR", "error": words})

    def broken(self) -> Any:
        return {"status": "ERROR", "error": "internal error"}

    async def socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Socket(self.vendor, self.hub, scope, receive, send).run()


class VendorControl(Control):
    """Moves time, and says who is connected."""

    def __init__(self, vendor: Vendor, hub: Hub, token: str) -> None:
        super().__init__(token, vendor.faults, {("GET", "state"): self._state, ("POST", "clock"): self._move})
        self._vendor, self._hub = vendor, hub

    def clock(self) -> Json:
        return {"now_ns": self._vendor.now(), "speed": self._vendor.clock.speed or 1.0}

    def _state(self, values: Json) -> Json:
        connected = [client.cluster for client in self._hub.clients]
        return {"requests": self._vendor.requests, "connected": connected, "faults": self.fired()}

    def _move(self, values: Json) -> Json:
        """``{"advance_ms": 60000}``: everything due in that time happens at once."""
        step = int(values["advance_ms"]) * 1_000_000
        if not 0 <= step <= LONGEST_STEP_NS:
            raise ValueError("advance_ms: time moves forward, and by a week at most")
        self._vendor.clock.step(step)
        self._hub.advance()
        return {"now_ns": self._vendor.now()}
