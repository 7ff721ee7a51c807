"""The ASGI application: REST, websocket and control side of one practice exchange."""

from __future__ import annotations

from typing import Any

from connectors.simulators.app import PracticeApp
from connectors.simulators.kalshi.control import ExchangeControl
from connectors.simulators.kalshi.rest.answer import TOO_MANY, answer
from connectors.simulators.kalshi.rest.routes import find
from connectors.simulators.kalshi.stream.socket import Socket
from connectors.simulators.kalshi.world.director import Director
from connectors.simulators.request import Reply, Request
from connectors.simulators.sockets import Receive, Scope, Send


class App(PracticeApp):
    """One practice exchange as an ASGI application; with a real clock its time passes while it is served."""

    beat_seconds = 0.05
    brand = "Kalshi"
    control: ExchangeControl

    def __init__(self, director: Director, control_token: str) -> None:
        super().__init__(director.venue.faults, ExchangeControl(director, control_token))
        self.director, self.venue = director, director.venue

    def tick(self) -> None:
        if not self.venue.clock.stepped:
            self.director.catch_up()

    def names_of(self, request: Request) -> tuple[str, str] | None:
        found = find(request.method, request.path)
        return (found[0].name, found[0].kind) if found is not None else None

    def answer(self, request: Request) -> Reply:
        return answer(self.venue, request)

    def too_many(self) -> Reply:
        return TOO_MANY

    def broken(self) -> Any:
        return {"code": "internal_server_error", "message": "internal server error"}

    def date_ns(self) -> int | None:
        return self.venue.signing_now()

    async def socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Socket(self.venue, scope, receive, send).run()
