"""What the service needs of the engine, as a protocol. ``engine/cli`` implements it over the store and the venues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol

from engine.market.inputs import Requested

Json = dict[str, Any]
Heard = tuple[float, Json]  # the last figures of a process: how old they are in seconds, and what they say
WORKER: Final = "worker"
FRESH_SECONDS: Final = 15.0  # how old figures may be of a process that is up


def is_up(found: Heard | None) -> bool:
    """Whether a process was heard of lately, and had not ended then."""
    return found is not None and found[0] <= FRESH_SECONDS and bool(found[1].get("running"))


@dataclass(frozen=True, slots=True)
class Known:
    """What was answered before under an idempotency key. ``status`` None while that is under way."""

    digest: str
    status: int | None
    body: Any


class Desk(Protocol):
    """Every method may raise ``engine.service.problems.ServiceError``; answers are JSON values, Decimals as text.

    Called from several threads at once.
    """

    def now_ns(self) -> int:
        """The clock, UTC nanoseconds."""
        ...

    # -- reading -------------------------------------------------------------------------------------------------------

    def health(self) -> Json:
        """Whether the store can be read, whether an engine runs, and what halts it. Never raises."""
        ...

    def providers(self) -> Json:
        """For each venue and data provider: whether it is configured, and how its requests have ended."""
        ...

    def figures(self) -> Mapping[str, Heard]:
        """The last figures of each process."""
        ...

    def orders(self, *, run: str | None, symbol: str | None, only_open: bool, limit: int) -> Json: ...

    def order(self, order_id: str) -> Json: ...

    def signals(self, symbol: str | None) -> Json:
        """What each strategy sees now, what became of its last signal, and what would stop an order."""
        ...

    def effective(self, symbol: str | None) -> Json:
        """Settings and parameters in force, for one symbol where one is named."""
        ...

    def positions(self, symbol: str | None) -> Json: ...

    def balances(self) -> Json: ...

    def why(self, order_id: str) -> Json:
        """The trace of an order's decision."""
        ...

    def why_not(self, rule: str, symbol: str, at: str) -> Json:
        """The trace of a rule at a tick."""
        ...

    def gates(self) -> Json: ...

    def halts(self) -> Json: ...

    def request(self, request_id: str) -> Json: ...

    def audit(self, limit: int) -> Json: ...

    def price_of(self, symbol: str) -> tuple[Decimal | None, Decimal, Decimal]:
        """The last price that the engine knows (None: it knows none), the tick size and the lot size."""
        ...

    # -- acting --------------------------------------------------------------------------------------------------------

    def wish(self, request: Requested) -> Json:
        """Hand a wish to the engine that runs and wait for its answer. Where none runs, what only reduces goes to the
        venue itself, and anything else is refused."""
        ...

    def halt(self, reason: str) -> Json: ...

    def resume(self) -> Json: ...

    # -- memory --------------------------------------------------------------------------------------------------------

    def begin(self, caller: str, key: str, digest: str) -> Known | None:
        """Note that a call under an idempotency key begins; what is known of an earlier one."""
        ...

    def give(self, caller: str, key: str, status: int, body: Any) -> None: ...

    def forget(self, caller: str, key: str) -> None: ...

    def note(self, caller: str, action: str, detail: Mapping[str, Any]) -> None:
        """Keep for ever who did what."""
        ...
