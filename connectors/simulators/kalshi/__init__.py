"""A practice Kalshi: a pure matching core (``core``), and an ASGI shell that speaks its REST and websocket protocols.

Facts come from the vendor's OpenAPI and AsyncAPI documents of October 2026 and from a recorded demo session. Where
neither says anything the choice made here is named in ``docs/practice-exchange.md``.
"""
