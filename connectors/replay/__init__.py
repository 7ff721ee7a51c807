"""Market data from files: minute bars and quotes as they were, in the order in which they became known."""

from connectors.replay.source import ReplaySource

__all__ = ["ReplaySource"]
