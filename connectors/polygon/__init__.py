"""Polygon: options analytics. So far its manifest: the facts that it publishes and rules may read."""
