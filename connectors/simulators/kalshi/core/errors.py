"""What the exchange refuses, with the HTTP status and the code that the venue uses for it."""

from __future__ import annotations


class VenueError(Exception):
    """``code`` is machine-readable, ``details`` says more. ``str`` is the venue's message: the code with spaces."""

    def __init__(self, status: int, code: str, details: str | None = None, message: str | None = None) -> None:
        self.status = status
        self.code = code
        self.message = message if message is not None else code.replace("_", " ")
        self.details = details
        super().__init__(self.message if details is None else f"{self.message}: {details}")

    def body(self) -> dict[str, str]:
        """``{"code", "message", "details"?}``, the inside of the venue's error object."""
        body = {"code": self.code, "message": self.message}
        if self.details is not None:
            body["details"] = self.details
        return body


def invalid_order(details: str) -> VenueError:
    return VenueError(400, "invalid_order", details)


def not_found() -> VenueError:
    """The same words for an order that is cancelled, executed, somebody else's or unknown."""
    return VenueError(404, "not_found")
