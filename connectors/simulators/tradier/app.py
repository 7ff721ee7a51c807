"""The ASGI application: REST, streams and control side of one practice Tradier."""

from __future__ import annotations

from typing import Any

from connectors.simulators.app import PracticeApp
from connectors.simulators.request import Reply, Request
from connectors.simulators.sockets import Receive, Scope, Send
from connectors.simulators.tradier import render
from connectors.simulators.tradier.api import Api
from connectors.simulators.tradier.control import TradierControl
from connectors.simulators.tradier.streams import MARKET_PATH, Socket, http_stream
from connectors.simulators.tradier.venue import Venue

WRITES = frozenset({"create", "modify", "cancel"})


class App(PracticeApp):
    """One practice venue as an ASGI application; its time passes while it is served."""

    beat_seconds = 0.01
    brand = "Tradier maintenance"
    control: TradierControl

    def __init__(self, venue: Venue, control_token: str) -> None:
        super().__init__(venue.faults, TradierControl(venue, control_token))
        self.venue, self.api = venue, Api(venue)

    def tick(self) -> None:
        self.venue.tick()

    def names_of(self, request: Request) -> tuple[str, str] | None:
        name = self.api.name_of(request)
        return (name, "write" if name in WRITES else "read") if name is not None else None

    def answer(self, request: Request) -> Reply:
        return self.api.answer(request)

    def too_many(self) -> Reply:
        ends_ms = self.venue.now() // 1_000_000 + 1000
        return Reply(429, f"Quota Violation: too many requests. It ends at {ends_ms}")

    def broken(self) -> Any:
        return {"fault": {"faultstring": "Datastore Error", "detail": {"errorcode": "datastore.error"}}}

    def date_ns(self) -> int | None:
        return self.venue.now()

    def encoded(self, request: Request, body: Any) -> tuple[str, bytes]:
        """JSON for those who ask for it, and XML for all others."""
        if isinstance(body, str) or "json" in request.headers.get("accept", ""):
            return super().encoded(request, body)
        return "application/xml", f'<?xml version="1.0" encoding="UTF-8"?>{render.xml(body)}'.encode()

    async def serve(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        if request.path == MARKET_PATH:
            await http_stream(self.venue, request.params | request.form, receive, send, self.closing)
        else:
            await super().serve(request, scope, receive, send)

    async def socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Socket(self.venue, scope, receive, send, self.closing).run()
