"""A websocket is opened at the address that was chosen, and nowhere else."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest
import websockets
from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.datastructures import Headers

from connectors.transport.websocket import BREAKS, no_connection, open_socket


def test_a_redirect_is_a_failure_and_what_it_leads_to_is_never_asked() -> None:
    reached: list[str] = []

    async def story() -> None:
        async def elsewhere(socket: ServerConnection) -> None:
            reached.append("elsewhere")

        async with serve(elsewhere, "127.0.0.1", 0) as other:
            port = next(iter(other.sockets)).getsockname()[1]

            def away(socket: ServerConnection, request: Request) -> Response:
                headers = Headers({"Location": f"ws://127.0.0.1:{port}/", "Content-Length": "0"})
                return Response(HTTPStatus.FOUND, "Found", headers)

            async with serve(elsewhere, "127.0.0.1", 0, process_request=away) as asked:
                address = f"ws://127.0.0.1:{next(iter(asked.sockets)).getsockname()[1]}/"
                with pytest.raises(websockets.InvalidStatus):
                    await open_socket(address, local=True, patience=5, ping=5, headers={"X-Secret": "1"})

    asyncio.run(story())
    assert reached == []


def test_nobody_there_is_said_with_the_place() -> None:
    async def story() -> str:
        try:
            await open_socket("ws://127.0.0.1:1/stream", local=True, patience=5, ping=5)
        except BREAKS as error:
            return no_connection("ws://127.0.0.1:1/stream", error)
        return ""

    assert asyncio.run(story()).startswith("no connection to 127.0.0.1:1: ")
