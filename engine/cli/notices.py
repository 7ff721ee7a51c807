"""Notifications for the verbs: who is told, by the settings, and what of a run is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from loguru import logger
from pydantic import SecretStr

from connectors.notify.notifier import Notifier
from connectors.notify.outbox import Kind
from connectors.notify.redact import Redactor
from engine.cli.console import err
from engine.cli.errors import UserError
from engine.decide.actions import Decision, Verdict
from engine.decide.context import Halt
from engine.decide.tick import DataNote, Decider
from engine.market.events import Tick
from engine.market.orders import BrokerReport, Leg, Order, OrderState
from engine.settings import Settings

if TYPE_CHECKING:
    from connectors.notify.targets import Address, Target

ALERT_KINDS = {"halt": Kind.HALTS}  # of what a run keeps as alerts; everything else is an error


def addresses_of(settings: Settings) -> list[Address]:
    """Every address that is told, secrets as they are."""
    from connectors.notify.targets import Address, split_urls

    urls = settings.notify.urls
    found = [] if urls is None else split_urls(urls.get_secret_value(), "notify.urls")
    discord = settings.discord
    if discord.enabled and discord.webhook_url is not None:
        found.append(Address("discord.webhook_url", discord.webhook_url.get_secret_value()))
    return found


def redactor_of(settings: Settings) -> Redactor:
    """Takes every secret of the settings out of a text."""
    secrets = [
        value.get_secret_value()
        for name in type(settings).model_fields
        for _, value in getattr(settings, name)
        if isinstance(value, SecretStr)
    ]
    return Redactor(secrets, [address.url for address in addresses_of(settings)])


def targets(settings: Settings) -> list[Target]:
    """Where messages go; UserError for an address that is none."""
    from connectors.notify.targets import NotifyError, targets_of

    try:
        return targets_of(addresses_of(settings))
    except NotifyError as error:
        raise UserError(str(error)) from None


@contextmanager
def notifying(settings: Settings) -> Iterator[Notifier]:
    """A notifier for as long as a verb works; at the end it is given a few seconds. Without an address it is silent."""
    redact = redactor_of(settings)
    kinds = [Kind(kind) for kind in settings.notify.kinds]
    notifier = Notifier(targets(settings), kinds, settings.notify.per_minute, redact, _problem)
    try:
        yield notifier
    finally:
        left = notifier.close()
        if left:
            err().print(f"{left} notification(s) did not arrive")


def tell_people(settings: Settings, kind: Kind, title: str, text: str) -> None:
    """For a verb that has done its work: that nobody can be told is said, and changes nothing of what was done."""
    try:
        with notifying(settings) as notifier:
            notifier.tell(kind, title, text)
    except UserError as error:
        err().print(f"nobody was told: {error}")


def _problem(words: str) -> None:
    logger.warning(words)


class NoticeRecorder:
    """A recorder that tells people of fills, of orders that rules want, and of orders that were refused."""

    def __init__(self, notifier: Notifier, where: str) -> None:
        self._notifier, self._where = notifier, where
        self._halts: list[Halt] = []

    def decision(self, decision: Decision, decider: Decider) -> None:
        entries = [order for order in decision.orders if order.leg in (Leg.ENTRY, Leg.EXIT)]
        if decision.verdict is Verdict.FIRED and entries:
            words = ", ".join(f"{order.side} {order.quantity} {order.symbol}" for order in entries)
            self._notifier.tell(Kind.SIGNALS, f"{decision.rule} wants an order", f"{words} ({self._where})")
        for halt in decider.context.halts.values():
            if not any(halt is known for known in self._halts):
                self._halts.append(halt)
                words = f"entries are halted by {halt.guard}: {halt.reason} ({self._where})"
                self._notifier.tell(Kind.HALTS, "halted", words)

    def orders(self, orders: Sequence[Order]) -> None:
        """Told with the decision."""

    def report(self, report: BrokerReport, decider: Decider) -> None:
        for fill in report.fills:
            what = f"{fill.side} {fill.quantity} {fill.symbol} at {fill.price.normalize():f}"
            whose = f"{fill.leg} of {fill.strategy}, fee ${fill.fee} ({self._where})"
            self._notifier.tell(Kind.TRADES, f"filled: {fill.symbol}", f"{what}, {whose}")
        for update in report.updates:
            if update.state is OrderState.REFUSED:
                words = f"{update.client_id}: {update.reason} ({self._where})"
                self._notifier.tell(Kind.ERRORS, "order refused", words)

    def note(self, note: DataNote) -> None:
        """Kept in the store; of these there may be thousands."""

    def ticks(self, ticks: Sequence[Tick], equity: Sequence[float], decider: Decider) -> None:
        """Nothing to tell of a tick."""


def tell_alert(notifier: Notifier, where: str) -> Callable[[str, str], None]:
    """For what a run says and keeps as an alert, by its kind."""

    def tell(kind: str, text: str) -> None:
        notifier.tell(ALERT_KINDS.get(kind, Kind.ERRORS), f"{kind} ({where})", text)

    return tell
