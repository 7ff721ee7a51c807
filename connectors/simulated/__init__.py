"""Market data that nobody quoted: a whole simulated market, and tradable proxies derived from a real index.

Everything here is a function of its seed; the same arguments give the same ticks on every machine.
"""

from connectors.simulated.derived import DerivedSource
from connectors.simulated.merged import MergedSource
from connectors.simulated.source import SimulatedSource

__all__ = ["DerivedSource", "MergedSource", "SimulatedSource"]
