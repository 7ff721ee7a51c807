"""The vendor's REST interface: past bars, chains of options, reference data, market status."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from connectors.polygon.errors import BadAnswer
from connectors.polygon.http import Params, PolygonHttp
from connectors.polygon.models import (
    Aggregate,
    Contract,
    ContractSnapshot,
    Holiday,
    IndexSnapshot,
    LastNbbo,
    MarketStatus,
    Model,
    TickerRecord,
    read,
)
from connectors.polygon.tickers import Cluster, cluster_of

NANOS_PER_MS = 1_000_000
NANOS = 1_000_000_000
BASE_AGGREGATES = 50_000  # the most that the vendor scans for one page
CHAIN_PAGE = 250
REFERENCE_PAGE = 1_000
INDICES_A_READ = 250
SPAN_SECONDS = {"second": 1, "minute": 60}


@dataclass(frozen=True, slots=True)
class ChainFilter:
    """Which contracts of a chain: by expiration (inclusive) and by strike (inclusive)."""

    first: date | None = None
    last: date | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    contract_type: str | None = None

    def params(self) -> dict[str, str | Decimal | None]:
        return {
            "expiration_date.gte": self.first.isoformat() if self.first else None,
            "expiration_date.lte": self.last.isoformat() if self.last else None,
            "strike_price.gte": self.low,
            "strike_price.lte": self.high,
            "contract_type": self.contract_type,
        }


class PolygonRest:
    """Typed reads over one ``PolygonHttp``. Everything raises PolygonError."""

    def __init__(self, http: PolygonHttp) -> None:
        self.http = http

    async def aggregates(self, ticker: str, from_ns: int, to_ns: int, span: str = "minute") -> AsyncIterator[Aggregate]:
        """The aggregates of a ticker that begin in [from_ns, to_ns), by time, prices as they were (not adjusted).

        ``span`` is minute or second. The last one may be of a window that is not over. Windows without a trade have
        none.
        """
        if to_ns <= from_ns:
            return
        first, last = -(-from_ns // NANOS_PER_MS), (to_ns - 1) // NANOS_PER_MS
        path = f"/v2/aggs/ticker/{quote(ticker, safe=':')}/range/1/{span}/{first}/{last}"
        adjusted = None if cluster_of(ticker) is Cluster.INDICES else False
        before = -1
        async for row in self._rows(path, {"adjusted": adjusted, "sort": "asc", "limit": BASE_AGGREGATES}, Aggregate):
            if first <= row.t <= last:
                if row.t <= before:
                    raise BadAnswer(f"GET {path}: results.t: {row.t} comes after {before}; rows must rise in time")
                before = row.t
                yield row

    async def chain(self, underlying: str, wanted: ChainFilter | None = None) -> list[ContractSnapshot]:
        """Snapshots of all contracts on an underlying ticker (``I:SPX``), all pages of them."""
        path = f"/v3/snapshot/options/{quote(underlying, safe=':')}"
        params: Params = {**(wanted or ChainFilter()).params(), "limit": CHAIN_PAGE, "sort": "ticker", "order": "asc"}
        return [row async for row in self._rows(path, params, ContractSnapshot)]

    async def contracts(self, underlying: str, wanted: ChainFilter | None = None) -> list[Contract]:
        """The contracts on an underlying (``SPX``, without a prefix) that have not expired."""
        params: Params = {
            **(wanted or ChainFilter()).params(),
            "underlying_ticker": underlying,
            "limit": REFERENCE_PAGE,
            "sort": "ticker",
        }
        return [row async for row in self._rows("/v3/reference/options/contracts", params, Contract)]

    async def tickers(
        self, *, market: str | None = None, search: str | None = None, ticker: str | None = None
    ) -> list[TickerRecord]:
        """Tickers of a market (stocks, indices, …), by a word of their name, or one of them."""
        params: Params = {"market": market, "search": search, "ticker": ticker, "limit": REFERENCE_PAGE}
        return [row async for row in self._rows("/v3/reference/tickers", params, TickerRecord)]

    async def market_status(self) -> MarketStatus:
        """Whether markets are open now."""
        path = "/v1/marketstatus/now"
        return read(MarketStatus, await self.http.read(path), f"GET {path}", "body")

    async def holidays(self) -> list[Holiday]:
        """Days to come on which exchanges are closed or close early."""
        path = "/v1/marketstatus/upcoming"
        rows = await self.http.read(path)
        if not isinstance(rows, list):
            raise BadAnswer(f"GET {path}: a list was promised, and {type(rows).__name__} came")
        return [read(Holiday, row, f"GET {path}", str(number)) for number, row in enumerate(rows)]

    async def indices(self, tickers: Collection[str]) -> list[IndexSnapshot]:
        """The values of indices now; those that the plan does not include carry their error."""
        wanted = sorted(tickers)
        found: list[IndexSnapshot] = []
        for start in range(0, len(wanted), INDICES_A_READ):
            part = ",".join(wanted[start : start + INDICES_A_READ])
            params: Params = {"ticker.any_of": part, "limit": INDICES_A_READ}
            found += [row async for row in self._rows("/v3/snapshot/indices", params, IndexSnapshot)]
        return found

    async def last_quote(self, ticker: str) -> LastNbbo:
        """Best bid and offer of a share."""
        path = f"/v2/last/nbbo/{quote(ticker, safe=':')}"
        body = await self.http.read(path)
        return read(LastNbbo, body.get("results") if isinstance(body, dict) else None, f"GET {path}")

    async def _rows(self, path: str, params: Params, model: type[Model]) -> AsyncIterator[Model]:
        async for page in self.http.pages(path, params):
            rows: Any = page.get("results", [])  # the key is absent where there is nothing
            if not isinstance(rows, list):
                raise BadAnswer(f"GET {path}: results: must be a list, not {type(rows).__name__}")
            for number, row in enumerate(rows):
                yield read(model, row, f"GET {path}", f"results.{number}")
