"""What a route has not declared is refused and named, never left out in silence."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from engine.service.problems import ServiceError


class RepeatedKeyError(ValueError):
    """A JSON object names a key twice, so that it is not known which one is meant."""


async def declared(request: Request) -> None:
    """A dependency of every route. Raises ServiceError (422) for parameters of the query that it does not know or
    that come twice, for a body where it takes none, and for a body that names a key twice."""
    route: APIRoute = request.scope["route"]
    known = [parameter.alias for parameter in route.dependant.query_params]
    names = [name for name, _ in request.query_params.multi_items()]
    unknown = sorted(set(names) - set(known))
    if unknown:
        there = f"it takes {', '.join(known)}" if known else "it takes none"
        raise _refused(f"{', '.join(unknown)}: no parameter of {route.path}; {there}", unknown[0], unknown)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise _refused(f"{', '.join(repeated)}: said more than once; say it once", repeated[0], repeated)
    body = await request.body()
    if body and route.body_field is None:
        raise _refused(f"body: {route.path} takes none; what it takes is in its query", "body", ["body"])
    if body:
        _must_name_keys_once(body)


def _must_name_keys_once(body: bytes) -> None:
    try:
        json.loads(body, object_pairs_hook=_once)
    except RepeatedKeyError as error:
        raise _refused(f"{error}: named twice in the body; name it once", str(error), [str(error)]) from None
    except (ValueError, RecursionError):
        return  # no JSON: the route itself says so


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise RepeatedKeyError(name)
        found[name] = value
    return found


def _refused(text: str, field: str, fields: Sequence[str]) -> ServiceError:
    mistakes = [{"field": name, "message": text} for name in fields]
    return ServiceError(422, "invalid", text, field=field, details={"mistakes": mistakes})


class AnyTypeRoute(APIRoute):
    """Reads a body as JSON whatever its Content-Type says: a halt must not fail for a header."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def as_json(request: Request) -> Response:
            others = [pair for pair in request.scope["headers"] if pair[0].lower() != b"content-type"]
            request.scope["headers"] = [*others, (b"content-type", b"application/json")]
            return await handle(Request(request.scope, request.receive))

        return as_json
