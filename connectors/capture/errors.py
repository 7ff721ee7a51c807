"""A capture that cannot be used."""

from __future__ import annotations

from engine.market.events import SourceError


class CaptureError(SourceError):
    """The text names the file, the byte where it is wrong, and the mend."""
