"""Addresses of this machine: the only ones besides a venue's own that keys, tokens and signed requests may go to."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


class HostError(ValueError):
    """An address that nothing secret must be sent to. The text names it and the mend."""


def loopback_place(address: str, path: str = "", instead: str = "") -> str:
    """``host:port`` of a practice venue at ``address``, such as ``http://127.0.0.1:8700``.

    ``path`` may follow the port. ``instead`` says what else can be done. HostError for an address of another machine,
    without a port, or with anything else in it; the text never shows a name and password that stood in it.
    """
    parts = urlsplit(address)
    shown = f"{parts.scheme}://…@{parts.hostname}" if "@" in parts.netloc else address
    try:
        port = parts.port
    except ValueError:
        raise HostError(f"{shown!r} has no valid port") from None
    if parts.scheme != "http" or port is None or not _is_loopback(parts.hostname) or "@" in parts.netloc:
        raise HostError(f"{shown!r} is not an address of this machine: write http://127.0.0.1:PORT{instead}")
    if parts.path.rstrip("/") not in ("", path) or parts.query or parts.fragment:
        raise HostError(f"{shown!r} must end after the port{f' or with {path}' if path else ''}")
    return f"[{parts.hostname}]:{port}" if ":" in str(parts.hostname) else f"{parts.hostname}:{port}"


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
