"""Order groups: a fuse at the venue that cancels a group's orders when too much is matched within 15 seconds."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from connectors.kalshi.errors import BadAnswer, OutcomeUnknown
from connectors.kalshi.http import VenueHttp
from connectors.kalshi.models.fields import parse
from connectors.kalshi.models.portfolio import CreatedOrderGroup, OrderGroup, OrderGroupDetail, OrderGroupsAnswer
from connectors.kalshi.prices import check_count, count_text
from connectors.kalshi.rest.paging import segment

GROUPS = "/portfolio/order_groups"


class OrderGroups:
    """``/portfolio/order_groups…``. A group lives on one shard, ``exchange_index``, and so do its orders.

    The shard must always be said: the venue looks for a group on the first one otherwise, and finds nothing.
    """

    def __init__(self, http: VenueHttp) -> None:
        self._http = http

    async def list(self, *, subaccount: int | None = None) -> Sequence[OrderGroup]:
        """All groups of the account."""
        found = await self._http.read(GROUPS, {"subaccount": subaccount})
        return parse(OrderGroupsAnswer, found, f"GET {GROUPS}").order_groups

    async def get(self, group_id: str, *, subaccount: int | None = None) -> OrderGroupDetail:
        """One group with its orders."""
        path = _path(group_id)
        return parse(OrderGroupDetail, await self._http.read(path, {"subaccount": subaccount}), f"GET {path}")

    async def create(
        self, contracts_limit: Decimal, *, exchange_index: int, subaccount: int | None = None
    ) -> CreatedOrderGroup:
        """Make a group that trips when more than ``contracts_limit`` contracts are matched within 15 seconds."""
        path = f"{GROUPS}/create"
        limit = count_text(check_count(contracts_limit))
        body: dict[str, Any] = {"contracts_limit_fp": limit, "exchange_index": exchange_index}
        if subaccount is not None:
            body["subaccount"] = subaccount
        found = await self._http.write("POST", path, body=body)
        try:
            return parse(CreatedOrderGroup, found, f"POST {path}")
        except BadAnswer as error:
            raise OutcomeUnknown(f"{error}; read the groups before asking again", body=error.body) from None

    async def reset(self, group_id: str, *, exchange_index: int, subaccount: int | None = None) -> None:
        """Set the counter to zero, so that orders are taken again after the group tripped."""
        await self._put(f"{_path(group_id)}/reset", {}, exchange_index, subaccount)

    async def trigger(self, group_id: str, *, exchange_index: int, subaccount: int | None = None) -> None:
        """Trip the group now: its orders are cancelled, and no new ones taken until it is reset."""
        await self._put(f"{_path(group_id)}/trigger", {}, exchange_index, subaccount)

    async def set_limit(
        self, group_id: str, contracts_limit: Decimal, *, exchange_index: int, subaccount: int | None = None
    ) -> None:
        """Change the limit; the group trips at once when it is already above it."""
        body = {"contracts_limit_fp": count_text(check_count(contracts_limit))}
        await self._put(f"{_path(group_id)}/limit", body, exchange_index, subaccount)

    async def delete(self, group_id: str, *, exchange_index: int, subaccount: int | None = None) -> None:
        """Remove the group and cancel its orders."""
        params = {"exchange_index": exchange_index, "subaccount": subaccount}
        await self._http.write("DELETE", _path(group_id), params)

    async def _put(self, path: str, body: dict[str, str], exchange_index: int, subaccount: int | None) -> None:
        # Even an empty body is sent as JSON: without a content type the venue refuses the request.
        await self._http.write("PUT", path, {"exchange_index": exchange_index, "subaccount": subaccount}, body)


def _path(group_id: str) -> str:
    return f"{GROUPS}/{segment(group_id)}"
