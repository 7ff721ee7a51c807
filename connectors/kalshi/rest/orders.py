"""Orders. Reads are repeated, writes never: after OutcomeUnknown only the order list can say what happened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any, Literal

from connectors.kalshi.errors import BadAnswer, KalshiError, NotFound, OrderRefused, OutcomeUnknown, batch_error
from connectors.kalshi.http import VenueHttp
from connectors.kalshi.models.fields import M, parse
from connectors.kalshi.models.orders import (
    Amendment,
    Cancellation,
    NewOrder,
    OrderAmended,
    OrderCanceled,
    OrderCreated,
    OrderDecreased,
)
from connectors.kalshi.models.portfolio import (
    Order,
    OrderAnswer,
    QueuePosition,
    QueuePositionAnswer,
    QueuePositionsAnswer,
)
from connectors.kalshi.prices import check_count, count_text
from connectors.kalshi.rest.paging import joined, pages, segment

ORDERS = "/portfolio/orders"
WRITES = "/portfolio/events/orders"
ORDERS_A_PAGE = 1000


class Orders:
    """``/portfolio/orders…`` (reads) and ``/portfolio/events/orders…`` (writes)."""

    def __init__(self, http: VenueHttp) -> None:
        self._http = http

    # -- reads

    async def get(self, order_id: str) -> Order:
        """One order. Shortly after a write it may still show what was before; the list is no slower."""
        path = f"{ORDERS}/{segment(order_id)}"
        return parse(OrderAnswer, await self._http.read(path), f"GET {path}").order

    def list(
        self,
        *,
        ticker: str | None = None,
        event_tickers: list[str] | None = None,
        status: Literal["resting", "canceled", "executed"] | None = None,
        min_ts: int | None = None,
        max_ts: int | None = None,
        subaccount: int | None = None,
        exchange_index: int | None = None,
    ) -> AsyncIterator[Order]:
        """All orders that match, over all pages. Times are UTC seconds."""
        params = {
            "ticker": ticker, "event_ticker": joined(event_tickers), "status": status, "min_ts": min_ts,
            "max_ts": max_ts, "subaccount": subaccount, "exchange_index": exchange_index, "limit": ORDERS_A_PAGE,
        }  # fmt: skip
        return pages(self._http, ORDERS, params, "orders", Order)

    async def queue_position(self, order_id: str) -> Decimal:
        """Contracts ahead of a resting order at its price; 0 is first."""
        path = f"{ORDERS}/{segment(order_id)}/queue_position"
        return parse(QueuePositionAnswer, await self._http.read(path), f"GET {path}").queue_position_fp

    async def queue_positions(
        self, *, market_tickers: Sequence[str] | None = None, event_ticker: str | None = None,
        subaccount: int | None = None,
    ) -> Sequence[QueuePosition]:  # fmt: skip
        """Contracts ahead of every resting order in some markets or in an event; one of the two must be given."""
        if not market_tickers and not event_ticker:
            raise ValueError("queue positions are asked for by market tickers or by an event ticker")
        path = f"{ORDERS}/queue_positions"
        params = {
            "market_tickers": joined([*market_tickers] if market_tickers else None),
            "event_ticker": event_ticker, "subaccount": subaccount,
        }  # fmt: skip
        return parse(QueuePositionsAnswer, await self._http.read(path, params), f"GET {path}").queue_positions

    # -- writes

    async def create(self, order: NewOrder) -> OrderCreated:
        """Place one order. OrderRefused: it is not in the market; OutcomeUnknown: find it by its client order id."""
        request = f"POST {WRITES}"
        try:
            found = await self._write("POST", WRITES, order.body(), patience=self._http.timeouts.turn)
        except NotFound as error:  # of a new order only its market can be missing
            raise OrderRefused(str(error), status=error.status, code=error.code, body=error.body) from None
        created = _done(OrderCreated, found, request)
        if created.client_order_id not in (None, order.client_order_id):
            raise OutcomeUnknown(f"{request}: the answer is about another order, {created.client_order_id}")
        return created

    async def create_batch(self, orders: Sequence[NewOrder]) -> Sequence[OrderCreated | KalshiError]:
        """Place several orders in one request; each is answered for itself, in the order given."""
        path = f"{WRITES}/batched"
        body = {"orders": [order.body() for order in orders]}
        found = await self._write("POST", path, body, items=_some(orders), patience=self._http.timeouts.turn)
        return _each(OrderCreated, found, len(orders), f"POST {path}")

    async def cancel(self, order_id: str, market_ticker: str, *, subaccount: int | None = None) -> OrderCanceled:
        """Cancel what rests of one order. NotFound: it rests no more, and only the order list can say why.

        The market leads the venue to the right shard; without it a cancel on another shard would find nothing.
        """
        path = f"{WRITES}/{segment(order_id)}"
        params = {"market_ticker": market_ticker, "subaccount": subaccount}
        found = await self._http.write(
            "DELETE", path, params, patience=self._http.timeouts.turn, orders=True
        )
        return _done(OrderCanceled, found, f"DELETE {path}")

    async def cancel_batch(self, orders: Sequence[Cancellation]) -> Sequence[OrderCanceled | KalshiError]:
        """Cancel several orders in one request; each is answered for itself, in the order given."""
        path = f"{WRITES}/batched"
        body = {"orders": [order.body() for order in orders]}
        found = await self._write("DELETE", path, body, items=_some(orders))
        return _each(OrderCanceled, found, len(orders), f"DELETE {path}")

    async def cancel_all(self, *, subaccount: int | None = None) -> None:
        """Cancel everything that rests, on all shards. Orders placed in the next minute may be cancelled too."""
        found = await self._http.write("DELETE", WRITES, {"subaccount": subaccount}, orders=True)
        if found is not None:
            raise OutcomeUnknown(f"DELETE {WRITES}: a body where none was expected: {found}", body=str(found))

    async def amend(self, order_id: str, change: Amendment, *, subaccount: int | None = None) -> OrderAmended:
        """Change price, total size or expiry of a resting order; it may fill at once."""
        path = f"{WRITES}/{segment(order_id)}/amend"
        found = await self._write(
            "POST", path, change.body(), params={"subaccount": subaccount}, patience=self._http.timeouts.turn
        )
        return _done(OrderAmended, found, f"POST {path}")

    async def decrease(
        self, order_id: str, market_ticker: str, *, reduce_by: Decimal | None = None, reduce_to: Decimal | None = None,
        subaccount: int | None = None,
    ) -> OrderDecreased:  # fmt: skip
        """Make a resting order smaller, by or to a count; it keeps its place in the queue."""
        if (reduce_by is None) == (reduce_to is None):
            raise ValueError("an order is decreased either by or to a count")
        path = f"{WRITES}/{segment(order_id)}/decrease"
        body: dict[str, Any] = {"market_ticker": market_ticker}
        if reduce_by is not None:
            body["reduce_by"] = count_text(check_count(reduce_by))
        if reduce_to is not None:
            body["reduce_to"] = count_text(reduce_to)
        found = await self._write("POST", path, body, params={"subaccount": subaccount})
        return _done(OrderDecreased, found, f"POST {path}")

    async def _write(
        self, method: str, path: str, body: dict[str, Any], *, params: dict[str, int | None] | None = None,
        items: int = 1, patience: float | None = None,
    ) -> Any:  # fmt: skip
        return await self._http.write(method, path, params, body, items=items, patience=patience, orders=True)


def _some(orders: Sequence[object]) -> int:
    if not orders:
        raise ValueError("a batch needs at least one order")
    return len(orders)


def _done(model: type[M], found: Any, request: str) -> M:
    """The answer to a write that the venue says it did. Without an order id and a time it is not believed."""
    try:
        return parse(model, found, request)
    except BadAnswer as error:
        raise OutcomeUnknown(
            f"{error}; it may have been done: read the order list before asking again", body=error.body
        ) from None


def _each(model: type[M], found: Any, wanted: int, request: str) -> Sequence[M | KalshiError]:
    answers = found.get("orders") if isinstance(found, dict) else None
    if not isinstance(answers, list) or len(answers) != wanted or not all(isinstance(a, dict) for a in answers):
        raise OutcomeUnknown(
            f"{request}: not an answer to each of {wanted} orders; read the order list before asking again",
            body=str(found),
        )
    return [_one(model, answer, request) for answer in answers]


def _one(model: type[M], answer: dict[str, Any], request: str) -> M | KalshiError:
    error = answer.get("error")
    return batch_error(request, error) if isinstance(error, dict) else _done(model, answer, request)
