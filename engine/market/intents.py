"""The life of an order that must not be lost: what may follow what, and what is harmless. Pure.

An intent is written down before its order is sent. From then on news of it comes from several sides at once (the
answer to the request, the venue's stream, its lists), twice, late or out of order. ``advance`` takes any news in any
state and never fails: the venue is right about what happened, and what contradicts the story so far raises an alarm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from engine.market.orders import OrderState, OrderUpdate

ZERO: Final = Decimal(0)


class IntentState(StrEnum):
    """``SENT`` means that it may have left, ``UNKNOWN`` that no answer came: only the venue's lists settle that."""

    WANTED = "wanted"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    PARTLY_FILLED = "partly_filled"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"

    @property
    def open(self) -> bool:
        """Whether the order may still trade, as far as is known."""
        return self not in _OVER


_OVER: Final = frozenset({IntentState.DONE, IntentState.REFUSED})
_WAITING: Final = frozenset({IntentState.WANTED, IntentState.SENT, IntentState.UNKNOWN})


class Ending(StrEnum):
    """Why an order is done."""

    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Life:
    """Where an intent stands. ``quantity`` and ``filled`` are units; ``ending`` is set when it is done."""

    quantity: Decimal
    state: IntentState = IntentState.WANTED
    filled: Decimal = ZERO
    ending: Ending | None = None
    venue_order_id: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """It is about to leave, or has left."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The venue has it, under this id of its own (empty where it gives none)."""

    venue_order_id: str = ""


@dataclass(frozen=True, slots=True)
class Executed:
    """``quantity`` more has filled. Each execution is told once: who tells it knows the venue's fill ids."""

    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Ended:
    """The venue will fill no more of it."""

    ending: Ending


@dataclass(frozen=True, slots=True)
class Refused:
    """The venue did not take it, or all its lists, read to the end, do not have it."""


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer came: a time-out, a broken connection, an answer that makes no sense."""


@dataclass(frozen=True, slots=True)
class Found:
    """The venue lists it as resting, later than anything that ended it: it is alive, whatever was thought."""

    venue_order_id: str


News = Sent | Acknowledged | Executed | Ended | Refused | Lost | Found


@dataclass(frozen=True, slots=True)
class Step:
    """What some news made of a life: ``changed`` is False for what was known already; ``alarm`` says, in words, what
    contradicts the story so far, and is empty when all is well."""

    life: Life
    changed: bool
    alarm: str = ""


def advance(life: Life, news: News) -> Step:
    """Take in news of an order; total, and news that comes twice changes nothing the second time.

    Only ``Executed`` counts each time it is told.
    """
    if isinstance(news, Executed):
        return _executed(life, news)
    if isinstance(news, Acknowledged):
        return _acknowledged(life, news)
    if isinstance(news, Ended):
        return _ended(life, news)
    if isinstance(news, Refused):
        return _refused(life)
    if isinstance(news, Found):
        return _found(life, news)
    if isinstance(news, Sent):
        return _to(life, IntentState.SENT) if life.state is IntentState.WANTED else Step(life, False)
    return _to(life, IntentState.UNKNOWN) if life.state in _WAITING else Step(life, False)


def news_of(update: OrderUpdate) -> News | None:
    """A broker's update as news; None for what only the engine itself says. Fills are told by executions."""
    if update.state in (OrderState.WORKING, OrderState.PARTLY_FILLED):
        return Acknowledged(update.venue_order_id)
    return _NEWS.get(update.state)


_NEWS: Final[dict[OrderState, News]] = {
    OrderState.SENT: Sent(),
    OrderState.FILLED: Ended(Ending.FILLED),
    OrderState.CANCELLED: Ended(Ending.CANCELLED),
    OrderState.EXPIRED: Ended(Ending.EXPIRED),
    OrderState.REFUSED: Refused(),
    OrderState.UNKNOWN: Lost(),
}


def _to(life: Life, state: IntentState, alarm: str = "") -> Step:
    if life.state is state:
        return Step(life, False, alarm)
    return Step(replace(life, state=state), True, alarm)


def _executed(life: Life, news: Executed) -> Step:
    """Money has moved, whatever was thought before: fills count in every state, and before the acknowledgement."""
    filled = life.filled + news.quantity
    alarm = "it filled although it had been refused" if life.state is IntentState.REFUSED else ""
    if filled > life.quantity:
        alarm = f"{filled} filled of {life.quantity} ordered"
    if filled >= life.quantity:
        return Step(replace(life, filled=filled, state=IntentState.DONE, ending=Ending.FILLED), True, alarm)
    state = IntentState.DONE if life.state is IntentState.DONE else IntentState.PARTLY_FILLED
    return Step(replace(life, filled=filled, state=state), True, alarm)


def _acknowledged(life: Life, news: Acknowledged) -> Step:
    known, told = life.venue_order_id, news.venue_order_id
    if known and told and known != told:
        return Step(life, False, f"the venue has it twice: as {known} and as {told}")
    changed = bool(told) and not known
    named = replace(life, venue_order_id=told) if changed else life
    if life.state in _WAITING or life.state is IntentState.REFUSED:
        state = IntentState.PARTLY_FILLED if life.filled else IntentState.ACKNOWLEDGED
        alarm = "the venue has it although it had been refused" if life.state is IntentState.REFUSED else ""
        return Step(replace(named, state=state), True, alarm)
    return Step(named, changed)


def _found(life: Life, news: Found) -> Step:
    if life.state.open:
        return _acknowledged(life, Acknowledged(news.venue_order_id))
    state = IntentState.PARTLY_FILLED if life.filled else IntentState.ACKNOWLEDGED
    named = replace(life, venue_order_id=life.venue_order_id or news.venue_order_id)
    alarm = f"it rests at the venue although it was {life.state.value}"
    return Step(replace(named, state=state, ending=None), True, alarm)


def _ended(life: Life, news: Ended) -> Step:
    if life.state is IntentState.DONE:
        return Step(life, False)
    alarm = "the venue had it although it had been refused" if life.state is IntentState.REFUSED else ""
    return Step(replace(life, state=IntentState.DONE, ending=news.ending), True, alarm)


def _refused(life: Life) -> Step:
    if life.filled:
        return Step(life, False, f"it is said to be refused, but {life.filled} filled")
    if life.state is IntentState.DONE:
        return Step(life, False)
    return _to(life, IntentState.REFUSED)
