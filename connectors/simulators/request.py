"""One request to a practice venue and its answer, as every venue of them has both. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Request:
    """``headers`` by lower-case name; ``path`` and ``query`` as they were sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def params(self) -> dict[str, str]:
        """The query; of repeated names the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """A body of form fields; of repeated names the last."""
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))

    @property
    def host(self) -> str:
        """Where the client reached us."""
        return self.headers.get("host", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Reply:
    """``body`` is JSON, text that goes out as it is, or None for nothing."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


def headers_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """The headers of an ASGI scope by lower-case name."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
