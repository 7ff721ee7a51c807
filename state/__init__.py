"""The store: runs, decisions, orders, fills, positions, equity, traces. SQLite; writes orders before they are sent."""

from state.errors import StoreError
from state.store import Store, open_store
from state.writer import RunWriter

__all__ = ["RunWriter", "Store", "StoreError", "open_store"]
