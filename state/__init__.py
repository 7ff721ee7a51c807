"""The store: runs, decisions, orders, money, inputs. SQLite; orders are written before they are sent."""

from state.book import Book, Difference, Seen
from state.errors import StoreError
from state.halts import Halts, Standing, make_halt_file, remove_halt_file
from state.reading import Costs
from state.store import Mode, Store, open_store
from state.writer import RunWriter

__all__ = [
    "Book",
    "Costs",
    "Difference",
    "Halts",
    "Mode",
    "RunWriter",
    "Seen",
    "Standing",
    "Store",
    "StoreError",
    "make_halt_file",
    "open_store",
    "remove_halt_file",
]
