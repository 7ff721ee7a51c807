"""The store, in SQLite or PostgreSQL: runs, decisions, orders, money, inputs, and market data beside them."""

from state.book import Book, Difference
from state.claim import claimed, is_taken
from state.errors import StoreError, TakenError
from state.halts import Halts, make_halt_file, remove_halt_file
from state.place import MARKET, Place, is_there, place_of, sibling
from state.reading import Costs, decides, is_traded, order_of
from state.store import Mode, Store, open_store
from state.trials import SweepRow, Trial, TrialLedger
from state.writer import RunWriter

__all__ = [
    "MARKET",
    "Book",
    "Costs",
    "Difference",
    "Halts",
    "Mode",
    "Place",
    "RunWriter",
    "Store",
    "StoreError",
    "SweepRow",
    "TakenError",
    "Trial",
    "TrialLedger",
    "claimed",
    "decides",
    "is_taken",
    "is_there",
    "is_traded",
    "make_halt_file",
    "open_store",
    "order_of",
    "place_of",
    "remove_halt_file",
    "sibling",
]
