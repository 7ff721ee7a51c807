"""The control side, apart from a venue's own interface: ``/practice/*`` on the same port, with a token of its own.

Tests and people move time, switch faults, and read the venue's own books, which do not lag.
"""

from __future__ import annotations

import hmac
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from connectors.simulators.faults import Faults
from connectors.simulators.request import Reply, Request

PREFIX = "/practice"
Json = dict[str, Any]
Actions = Mapping[tuple[str, str], Callable[[Json], Json]]


class Control(ABC):
    """``answer`` takes a request below the prefix. ``token`` is what its Authorization header must bear; ``actions``
    are by method and name, beside ``POST faults``."""

    refusals: ClassVar[tuple[type[Exception], ...]] = (ValueError, TypeError, AttributeError)  # texts for the client

    def __init__(self, token: str, faults: Faults, actions: Actions) -> None:
        self.token = token
        self._rules = faults
        self._actions: Actions = {**actions, ("POST", "faults"): self._faults}

    @abstractmethod
    def clock(self) -> Json:
        """The venue's time. No secret: whoever follows it reads it again and again, without a token."""

    def answer(self, request: Request) -> Reply:
        """401 without the token, 404 for what there is not, 400 with a reason for what cannot be done."""
        asked = request.method, request.path.removeprefix(f"{PREFIX}/")
        if asked == ("GET", "clock"):
            return Reply(200, self.clock())
        if not hmac.compare_digest(request.headers.get("authorization", ""), f"Bearer {self.token}"):
            return Reply(401, {"error": "the control token is missing or wrong"})
        action = self._actions.get(asked)
        if action is None:
            names = ", ".join(f"{verb} {name}" for verb, name in (("GET", "clock"), *self._actions))
            return Reply(404, {"error": f"there is no {request.method} {request.path}; there are {names}"})
        try:
            values = json.loads(request.body) if request.body.strip() else {}
            if not isinstance(values, dict):
                raise ValueError("the body must be a JSON object")
            return Reply(200, action(values))
        except KeyError as error:
            return Reply(400, {"error": f"the body has no {error.args[0]}"})
        except self.refusals as error:
            return Reply(400, {"error": str(error)})

    def fired(self) -> list[Json]:
        """The faults in force, and how often each struck."""
        rules = self._rules.rules
        return [{"kind": rule.kind, "scope": rule.scope, "seen": rule.seen, "fired": rule.fired} for rule in rules]

    def _faults(self, values: Json) -> Json:
        """``{"spec": "timeout@create:0.1"}``; an empty text ends all faults."""
        self._rules.set(values["spec"])
        return {"rules": len(self._rules.rules)}
