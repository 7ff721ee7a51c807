"""Polygon.io, since October 2025 Massive: bars, quotes and index values, live and past, and options analytics."""
