"""Which store a verb reads and writes: one for each mode, and the one option that says which mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import typer

from engine.cli.errors import UserError
from engine.settings import Settings
from state import MARKET, Mode, Place, Store, StoreError, is_there, open_store, place_of, sibling

ModeName = Literal["paper", "demo", "live"]
ModeOption = Annotated[
    ModeName | None,
    typer.Option("--mode", help="Whose orders: the store of paper, demo or live runs.  [default: paper]"),
]
_RUNS: Mapping[Mode, str] = {
    Mode.PAPER: "a paper run",
    Mode.DEMO: "a live run on the demo or a practice exchange",
    Mode.LIVE: "a live run on the production exchange",
}


def store_of(settings: Settings, mode: Mode = Mode.PAPER) -> Place:
    """Paper, demo and live orders are never kept in one file or schema: each mode has its own beside the paper store.

    Raises StoreError when ``store.url`` names none.
    """
    place: Place = settings.store.path
    if settings.store.url is not None:
        password = settings.store.password
        secret = None if password is None else password.get_secret_value()
        place = place_of(settings.store.url, secret, settings.store.path.parent)
    return place if mode is Mode.PAPER else sibling(place, mode)


def market_of(settings: Settings) -> Place:
    """Where ticks and bars are kept: a store of their own, and the same for all modes. Raises StoreError."""
    return sibling(store_of(settings), MARKET)


def stores_there(settings: Settings) -> Iterator[tuple[Mode, Place]]:
    """The modes whose store is there; raises StoreError when a database cannot be asked."""
    return ((mode, place) for mode in Mode if is_there(place := store_of(settings, mode)))


def mode_of(name: ModeName | None) -> Mode:
    """The mode that ``--mode`` names."""
    return Mode(name or Mode.PAPER)


def open_mode(settings: Settings, name: ModeName | None) -> Store:
    """The store that ``--mode`` names, which must be there; raises StoreError that says which stores are."""
    mode = mode_of(name)
    path = store_of(settings, mode)
    if not is_there(path):
        others = [f"--mode {other} ({file})" for other, file in stores_there(settings)]
        there = f"; what is there: {', '.join(others)}" if others else ""
        make = "engine db init" if mode is Mode.PAPER else f"engine db init --mode {mode}"
        raise StoreError(f"there is no {mode} store at {path}; `{make}` or {_RUNS[mode]} makes one{there}")
    return open_store(path, mode, create=False)


def told(store: Store) -> dict[str, Any]:
    """Which store an answer is from, for JSON."""
    return {"store": str(store.path), "mode": store.mode}


def newest_run(store: Store, run: str | None, venue: str | None) -> dict[str, Any]:
    """The run that was named, or the newest, also of one venue alone. Raises StoreError where there is none."""
    if run is not None and venue is not None:
        raise UserError(f"--run {run} has its venue: leave --venue out")
    return store.run(run, venue)


def footer(settings: Settings, store: Store, name: str | None, run: Mapping[str, Any] | None = None) -> str:
    """Which store an answer is from, for people, and where no mode was named the others that are there; other venues
    of that store, where the answer is about one run's account."""
    mine = "" if run is None else run["book"].partition(" ")[0]
    elsewhere = [] if run is None else [venue for venue in store.venues() if venue != mine]
    of_venues = f"; it also has runs on other markets: --venue {' or --venue '.join(elsewhere)}" if elsewhere else ""
    others = [str(mode) for mode, _ in stores_there(settings) if mode is not store.mode]
    more = f"; there is also --mode {' and --mode '.join(others)}" if others and name is None else ""
    return f"store: {store.path} ({store.mode}){more}{of_venues}"
