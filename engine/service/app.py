"""The application: routes behind the door, one shape of errors, metrics."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from engine.service.declared import declared
from engine.service.desk import Desk
from engine.service.door import Door, RateLimit
from engine.service.metrics import CONTENT_TYPE, ServiceMetrics
from engine.service.problems import ServiceError
from engine.service.routes import caller_of, make_router, require
from engine.service.tokens import Scope, TokenFile

DESCRIPTION = """
The HTTP side of the engine: what it does, why, and the few things that a person may ask of it.

Reading wants a token with the scope `read`, except on loopback. Everything else wants `trade`; `force` is a scope of
its own. Decimals are text. Every error has the same shape, and every POST takes an `Idempotency-Key`.
"""
CODES: Mapping[int, str] = {400: "unreadable", 404: "not_found", 405: "method_not_allowed"}


def make_app(desk: Desk, tokens: TokenFile, *, version: str, per_second: float, open_reads: bool) -> FastAPI:
    """``per_second``: requests that a caller may make, on average; ``open_reads``: this machine may read without a
    token."""
    app = FastAPI(title="Autotrader", version=version, description=DESCRIPTION, redoc_url=None)
    metrics = ServiceMetrics(desk.figures)
    app.include_router(make_router(desk, open_reads=open_reads))

    @app.get("/metrics", tags=["diag"], dependencies=[Depends(declared)], include_in_schema=False)
    def serve_metrics(request: Request) -> Response:
        """Everything in Prometheus' text format."""
        require(caller_of(request), Scope.READ, open_reads=open_reads)
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @app.middleware("http")
    async def counted(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.perf_counter()
        status = 500
        try:
            response = await call(request)
            status = response.status_code
            return response
        finally:
            # The route as it is written, not the path as it was asked: labels must not grow with what people type.
            route = getattr(request.scope.get("route"), "path", "none")
            metrics.seen(_method(request.method), route, status, time.perf_counter() - began)

    app.add_middleware(Door, tokens=tokens, limit=RateLimit(per_second))
    _explain(app)
    return app


def _method(method: str) -> str:
    return method if method in ("GET", "POST", "HEAD", "OPTIONS") else "other"


def _explain(app: FastAPI) -> None:
    @app.exception_handler(ServiceError)
    async def refused(request: Request, error: ServiceError) -> JSONResponse:
        return _answer(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method == "POST" and kind and kind != "application/json":
            text = f"the body is {kind}: send it with `Content-Type: application/json`"
            return _answer(ServiceError(415, "not_json", text, field="Content-Type"))
        return _answer(_invalid(error.errors()))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = CODES.get(error.status_code, "http")
        answer = _answer(ServiceError(error.status_code, code, f"{request.url.path}: {error.detail}"))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> JSONResponse:
        what = type(error).__name__
        return _answer(ServiceError(500, "fault", f"a fault of the engine ({what}); its log says where"))


def _invalid(errors: Sequence[Any]) -> ServiceError:
    """The first mistake as the message, all of them as details."""
    broken = next((e for e in errors if e["type"] == "json_invalid"), None)
    if broken is not None:  # all that is told of it is how far it could be read
        text = f"the body is no JSON from its sign {broken['loc'][-1]} on"
        return ServiceError(422, "unreadable", text, field="body")
    said = [{"field": ".".join(map(str, e["loc"])), "message": str(e["msg"])} for e in errors]
    first = said[0] if said else {"field": "", "message": "it cannot be read"}
    where = first["field"].removeprefix("body.").removeprefix("query.").removeprefix("path.")
    return ServiceError(
        422, "invalid", f"{where or 'body'}: {first['message']}", field=where or None, details={"mistakes": said}
    )


def _answer(error: ServiceError) -> JSONResponse:
    return JSONResponse(error.body(), error.status, error.headers())
