"""What the service answers when it does not do what was asked: one shape, whatever went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """What is wrong and how to mend it."""

    code: str = Field(description="One word for programs, such as `blocked` or `unknown_symbol`.")
    message: str = Field(description="What is wrong, and the mend.")
    field: str | None = Field(default=None, description="The field of the body, the query or the path that is wrong.")
    details: dict[str, Any] | None = Field(default=None, description="More for programs.")


class ErrorAnswer(BaseModel):
    """The body of every answer that is an error."""

    error: Problem


class ServiceError(Exception):
    """Raised by a desk or a route, answered as ``ErrorAnswer`` with ``status``."""

    def __init__(
        self, status: int, code: str, message: str, *, field: str | None = None,
        details: Mapping[str, Any] | None = None, retry_after: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status, self.code, self.message, self.field = status, code, message, field
        self.details = None if details is None else dict(details)
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """The answer as JSON values."""
        problem = Problem(code=self.code, message=self.message, field=self.field, details=self.details)
        return {"error": problem.model_dump(exclude_none=True)}

    def headers(self) -> dict[str, str]:
        """What goes with it."""
        found: dict[str, str] = {}
        if self.retry_after is not None:
            found["Retry-After"] = str(max(1, round(self.retry_after)))
        if self.status == 401:
            found["WWW-Authenticate"] = "Bearer"
        return found
