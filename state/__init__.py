"""The store: runs, decisions, orders, money, inputs. SQLite; orders are written before they are sent."""

from state.book import Book, Difference
from state.errors import StoreError
from state.halts import Halts, make_halt_file, remove_halt_file
from state.reading import Costs, decides, order_of
from state.store import Mode, Store, open_store
from state.trials import SweepRow, Trial, TrialLedger
from state.writer import RunWriter

__all__ = [
    "Book",
    "Costs",
    "Difference",
    "Halts",
    "Mode",
    "RunWriter",
    "Store",
    "StoreError",
    "SweepRow",
    "Trial",
    "TrialLedger",
    "decides",
    "make_halt_file",
    "open_store",
    "order_of",
    "remove_halt_file",
]
