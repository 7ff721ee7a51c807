"""Where messages go, by Apprise, whose libraries are imported when there is a target."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from connectors.notify.outbox import Kind, Message


class NotifyError(Exception):
    """A target that cannot be used. The text says which by its number, never by its address."""


class Address(NamedTuple):
    """An Apprise URL, and what its owner calls it, such as ``notify.urls, number 2``. Only the name may be shown."""

    name: str
    url: str


class Target:
    """One target. ``name`` is what it may be called: its kind and number, such as ``discord 1``."""

    def __init__(self, name: str, send: Callable[[Message], bool]) -> None:
        self.name, self.send = name, send


def targets_of(addresses: Sequence[Address]) -> list[Target]:
    """A target for each address (https://github.com/caronc/apprise/wiki); NotifyError for one that is none, or where
    Apprise is not installed."""
    if not addresses:
        return []
    try:
        import apprise
    except ImportError:
        raise NotifyError("notifications need Apprise: pip install -e '.[notify]' in the engine's folder") from None
    # What it logs names addresses, and these are secrets.
    log = logging.getLogger("apprise")
    log.propagate, log.handlers = False, [logging.NullHandler()]
    return [_target(apprise, number, address) for number, address in enumerate(addresses, 1)]


def split_urls(text: str, name: str) -> list[Address]:
    """The URLs of a list with commas, which is called so; a comma inside one is written %2C."""
    urls = [url.strip() for url in text.split(",") if url.strip()]
    return [Address(f"{name}, number {number}", url) for number, url in enumerate(urls, 1)]


def _target(apprise: Any, number: int, address: Address) -> Target:
    made = apprise.Apprise()
    if not made.add(address.url):
        raise NotifyError(f"{address.name}: no address that Apprise knows (it is not shown); see its list of services")
    kinds = {
        Kind.ERRORS: apprise.NotifyType.FAILURE, Kind.HALTS: apprise.NotifyType.WARNING,
        Kind.GATES: apprise.NotifyType.WARNING,
    }  # fmt: skip

    def send(message: Message) -> bool:
        kind = kinds.get(message.kind, apprise.NotifyType.INFO)
        return bool(made.notify(body=message.text, title=message.title, notify_type=kind))

    service = str(made[0].service_name or "target").lower()
    return Target(f"{service} {number}", send)
