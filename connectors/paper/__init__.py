"""A broker on paper: orders are filled from market data by rules that a sceptic would accept."""

from connectors.paper.broker import PaperBroker
from connectors.paper.settings import FillModel, PaperSettings
from connectors.paper.snapshot import SnapshotError

__all__ = ["FillModel", "PaperBroker", "PaperSettings", "SnapshotError"]
