"""Idempotency keys: the same call under the same key is answered once and repeated, another call under it refused."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import BaseModel

from engine.service.desk import Desk
from engine.service.problems import ServiceError

LONGEST_KEY = 200


class Answered(NamedTuple):
    """What was answered; ``repeated``: it had been answered before."""

    status: int
    body: Any
    repeated: bool = False


def digest_of(method: str, path: str, query: str, body: BaseModel | None) -> str:
    """What makes two calls the same: what they ask for, not how it was written."""
    said = "" if body is None else json.dumps(body.model_dump(), default=_plain)
    return hashlib.sha256(f"{method}\n{path}\n{query}\n{said}".encode()).hexdigest()


def _plain(value: object) -> str:
    """1 and 1.0 are one number."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def once(
    desk: Desk, caller: str, key: str | None, digest: str, work: Callable[[str], Answered], *, anyhow: bool = False
) -> Answered:
    """``work`` is given the id of what is asked: under a key always the same, so that a call that is repeated after a
    crash asks for the same thing and not for a second one. Answers that say that nothing was done are not kept.

    ``anyhow``: for what takes risk away. It is done although nothing can be remembered, and then maybe twice.
    """
    if key is None:
        return work(secrets.token_hex(10))
    if not key.isprintable() or not key.strip() or len(key) > LONGEST_KEY:
        raise ServiceError(422, "invalid", f"Idempotency-Key wants 1 to {LONGEST_KEY} signs", field="Idempotency-Key")
    known = None
    with unless(anyhow):
        known = desk.begin(caller, key, digest)
    if known is not None and known.digest != digest:
        raise ServiceError(
            409, "key_used", "this Idempotency-Key was used for another call; take a new one", field="Idempotency-Key"
        )
    if known is not None and known.status is not None:
        return Answered(known.status, known.body, repeated=True)
    try:
        answered = work(hashlib.sha256(f"{caller}\n{key}".encode()).hexdigest()[:20])
    except ServiceError as error:
        with unless(anyhow):
            if error.status >= 500 or error.status in (401, 403, 422, 429):
                desk.forget(caller, key)  # nothing was done: it may be asked again
            else:
                desk.give(caller, key, error.status, error.body())
        raise
    if answered.status != 202:
        with unless(anyhow):
            desk.give(caller, key, answered.status, answered.body)
    return answered


def unless(anyhow: bool) -> AbstractContextManager[None]:
    """Where something is done ``anyhow``, that it cannot be written down is no reason not to do it."""
    return suppress(ServiceError) if anyhow else nullcontext()
