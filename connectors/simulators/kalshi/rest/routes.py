"""The table of endpoints: path, function, who may call it, and what it is called in faults and error texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from connectors.simulators.kalshi.call import Call
from connectors.simulators.kalshi.limits import DEFAULT_COST
from connectors.simulators.kalshi.rest import (
    account,
    archive,
    blocks,
    candlesticks,
    combos,
    communications,
    forecasts,
    groups,
    market_data,
    money,
    orders,
    portfolio,
    reference,
)
from connectors.simulators.kalshi.rest.costs import COSTS, PREFIX
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import Reply

Handler = Callable[[Venue, Call], Reply]
PUBLIC = ""


@dataclass(frozen=True, slots=True)
class Route:
    """``scope`` PUBLIC needs no signature. ``path`` is below the prefix, with ``{name}`` for parts that vary."""

    method: str
    path: str
    handler: Handler
    name: str
    operation: str
    scope: str = PUBLIC

    @property
    def kind(self) -> str:
        return "read" if self.method == "GET" else "write"

    @property
    def cost(self) -> int:
        full = PREFIX + re.sub(r"\{(\w+)\}", r":\1", self.path)
        return COSTS.get((self.method, full), DEFAULT_COST)


def _public(path: str, handler: Handler, name: str, operation: str) -> Route:
    return Route("GET", path, handler, name, operation)


def _read(path: str, handler: Handler, name: str, operation: str, scope: str = "read") -> Route:
    return Route("GET", path, handler, name, operation, scope)


def _trade(method: str, path: str, handler: Handler, name: str, operation: str) -> Route:
    return Route(method, path, handler, name, operation, "write::trade")


_SERIES_MARKET = "/series/{series_ticker}/markets/{ticker}/candlesticks"
_SERIES_EVENT = "/series/{series_ticker}/events/{ticker}/candlesticks"
_ORDERS = "/portfolio/events/orders"
_ORDER = _ORDERS + "/{order_id}"
_GROUPS = "/portfolio/order_groups"
_GROUP = _GROUPS + "/{order_group_id}"
_SUBACCOUNTS = "/portfolio/subaccounts"
_TRANSFER = "/portfolio/intra_exchange_instance_transfer"

_COLLECTIONS = "/multivariate_event_collections"
_COLLECTION = _COLLECTIONS + "/{collection_ticker}"
_RFQS, _QUOTES = "/communications/rfqs", "/communications/quotes"
_RFQ, _QUOTE = _RFQS + "/{rfq_id}", _QUOTES + "/{quote_id}"
_RFQ_QUOTE = _RFQ + "/quotes/{quote_id}"
_BLOCKS = "/communications/block-trade-proposals"
_LIVE = "/live_data"

_SERIES_FORECAST = "/series/{series_ticker}/events/{ticker}/forecast_percentile_history"
_FCM = (
    ("GET", "fills"), ("GET", "orders"), ("GET", "positions"), ("POST", "positions/transfers"), ("GET", "subtraders"),
    ("POST", "subtraders"), *((method, "subtraders/event_contract_daily_cap") for method in ("GET", "PUT", "DELETE")),
    *((method, "subtraders/blocked_categories") for method in ("GET", "PUT")),
)  # fmt: skip

# A path with a fixed last part stands before one that takes any.
ROUTES: tuple[Route, ...] = (
    _public("/exchange/status", market_data.status, "exchange", "GetExchangeStatus"),
    _public("/exchange/schedule", market_data.schedule, "exchange", "GetExchangeSchedule"),
    _public("/exchange/user_data_timestamp", market_data.user_data_timestamp, "exchange", "GetUserDataTimestamp"),
    _public("/series/fee_changes", market_data.series_fee_changes, "series", "GetSeriesFeeChanges"),
    _public("/series", market_data.series_list, "series", "GetSeriesList"),
    _public("/series/{series_ticker}", market_data.series, "series", "GetSeries"),
    _public(_SERIES_MARKET, candlesticks.market_candlesticks, "markets", "GetMarketCandlesticks"),
    _public(_SERIES_EVENT, candlesticks.event_candlesticks, "events", "GetEventCandlesticks"),
    _public("/events", market_data.events, "events", "GetEvents"),
    _public("/events/multivariate", market_data.multivariate_events, "events", "GetMultivariateEvents"),
    _public("/events/fee_changes", market_data.event_fee_changes, "events", "GetEventFeeChanges"),
    _public("/events/{event_ticker}", market_data.event, "events", "GetEvent"),
    _public("/events/{event_ticker}/metadata", market_data.event_metadata, "events", "GetEventMetadata"),
    _public("/markets", market_data.markets, "markets", "GetMarkets"),
    _public("/markets/trades", market_data.trades, "trades", "GetTrades"),
    _public("/markets/orderbooks", market_data.orderbooks, "orderbook", "GetMarketOrderbooks"),
    _public("/markets/candlesticks", candlesticks.batch_candlesticks, "markets", "BatchGetMarketCandlesticks"),
    _public("/markets/{ticker}", market_data.market, "markets", "GetMarket"),
    _public("/markets/{ticker}/orderbook", market_data.orderbook, "orderbook", "GetMarketOrderbook"),
    _public("/historical/cutoff", archive.historical_cutoff, "historical", "GetHistoricalCutoff"),
    _public("/historical/markets", market_data.historical_markets, "historical", "GetHistoricalMarkets"),
    _public("/historical/markets/{ticker}", market_data.historical_market, "historical", "GetHistoricalMarket"),
    _public(
        "/historical/markets/{ticker}/candlesticks", candlesticks.historical_candlesticks, "historical",
        "GetMarketCandlesticksHistorical",
    ),
    _public("/historical/trades", market_data.historical_trades, "historical", "GetHistoricalTrades"),
    _public("/account/endpoint_costs", account.endpoint_costs, "account", "GetAccountEndpointCosts"),
    _read("/historical/fills", portfolio.historical_fills, "historical", "GetHistoricalFills"),
    _read("/historical/orders", portfolio.historical_orders, "historical", "GetHistoricalOrders"),
    _read("/historical/positions", portfolio.historical_positions, "historical", "GetHistoricalPositions"),
    _read("/portfolio/balance", money.balance, "balance", "GetBalance", "read::portfolio_balance"),
    _read("/portfolio/positions", portfolio.positions, "positions", "GetPositions"),
    _read("/portfolio/fills", portfolio.fills, "fills", "GetFills"),
    _read("/portfolio/settlements", portfolio.settlements, "settlements", "GetSettlements"),
    _read("/portfolio/deposits", money.deposits, "money", "GetDeposits"),
    _read("/portfolio/withdrawals", money.withdrawals, "money", "GetWithdrawals"),
    _read(
        "/portfolio/summary/total_resting_order_value", money.resting_order_value, "money",
        "GetPortfolioRestingOrderTotalValue",
    ),
    _read("/portfolio/orders", portfolio.orders, "orders", "GetOrders"),
    _read("/portfolio/orders/queue_positions", portfolio.queue_positions, "queue", "GetOrderQueuePositions"),
    _read("/portfolio/orders/{order_id}", portfolio.order, "order", "GetOrder"),
    _read("/portfolio/orders/{order_id}/queue_position", portfolio.queue_position, "queue", "GetOrderQueuePosition"),
    _trade("POST", _ORDERS, orders.create, "create", "CreateOrderV2"),
    _trade("DELETE", _ORDERS, orders.cancel_all, "cancel-all", "CancelAllOrders"),
    _trade("POST", f"{_ORDERS}/batched", orders.batch_create, "batch-create", "BatchCreateOrdersV2"),
    _trade("DELETE", f"{_ORDERS}/batched", orders.batch_cancel, "batch-cancel", "BatchCancelOrdersV2"),
    _trade("DELETE", _ORDER, orders.cancel, "cancel", "CancelOrderV2"),
    _trade("POST", f"{_ORDER}/amend", orders.amend, "amend", "AmendOrderV2"),
    _trade("POST", f"{_ORDER}/decrease", orders.decrease, "decrease", "DecreaseOrderV2"),
    _read(_GROUPS, groups.groups, "groups", "GetOrderGroups"),
    _trade("POST", f"{_GROUPS}/create", groups.create, "groups", "CreateOrderGroup"),
    _read(_GROUP, groups.group, "groups", "GetOrderGroup"),
    _trade("DELETE", _GROUP, groups.delete, "groups", "DeleteOrderGroup"),
    _trade("PUT", f"{_GROUP}/reset", groups.reset, "groups", "ResetOrderGroup"),
    _trade("PUT", f"{_GROUP}/trigger", groups.trigger, "groups", "TriggerOrderGroup"),
    _trade("PUT", f"{_GROUP}/limit", groups.limit, "groups", "UpdateOrderGroupLimit"),
    Route("POST", _TRANSFER, money.transfer, "money", "IntraExchangeInstanceTransfer", "write::transfer"),
    _read(f"{_TRANSFER}s", money.transfers, "money", "GetIntraExchangeInstanceTransfers"),
    _read(f"{_TRANSFER}s/{{transfer_id}}", money.one_transfer, "money", "GetIntraExchangeInstanceTransfer"),
    Route("POST", _SUBACCOUNTS, money.create_subaccount, "money", "CreateSubaccount", "write"),
    Route(
        "POST", f"{_SUBACCOUNTS}/transfer", money.subaccount_transfer, "money", "SubaccountTransfer",
        "write::transfer",
    ),
    _read(f"{_SUBACCOUNTS}/balances", money.subaccount_balances, "money", "GetSubaccountBalances"),
    _read(f"{_SUBACCOUNTS}/transfers", money.subaccount_transfers, "money", "GetSubaccountTransfers"),
    _read(f"{_SUBACCOUNTS}/netting", money.netting, "money", "GetSubaccountNetting"),
    Route("PUT", f"{_SUBACCOUNTS}/netting", money.set_netting, "money", "UpdateSubaccountNetting", "write"),
    _read("/portfolio/target_balance_allocation", money.allocation, "money", "GetTargetBalanceAllocation"),
    Route(
        "POST", "/portfolio/target_balance_allocation", money.set_allocation, "money", "SetTargetBalanceAllocation",
        "write::transfer",
    ),
    _read("/account/limits", account.limits, "account", "GetAccountApiLimits"),
    _read("/account/api_usage_level/volume_progress", account.volume_progress, "account", "GetVolumeProgress"),
    Route("POST", "/account/api_usage_level/upgrade", account.upgrade, "account", "UpgradeUsageLevel", "write"),
    _read("/api_keys", account.api_keys, "keys", "GetApiKeys"),
    Route("POST", "/api_keys", account.create_api_key, "keys", "CreateApiKey", "write"),
    Route("POST", "/api_keys/generate", account.generate_api_key, "keys", "GenerateApiKey", "write"),
    Route("DELETE", "/api_keys/{api_key}", account.delete_api_key, "keys", "DeleteApiKey", "write"),
    _read("/communications/id", communications.own_id, "rfqs", "GetCommunicationsID"),
    _read(_RFQS, communications.rfqs, "rfqs", "GetRFQs"),
    _trade("POST", _RFQS, communications.create_rfq, "rfqs", "CreateRFQ"),
    _read(_RFQ, communications.rfq, "rfqs", "GetRFQ"),
    _trade("DELETE", _RFQ, communications.delete_rfq, "rfqs", "DeleteRFQ"),
    _read(_QUOTES, communications.quotes, "quotes", "GetQuotes"),
    _trade("POST", _QUOTES, communications.create_quote, "quotes", "CreateQuote"),
    *(
        route
        for path, kind in ((_QUOTE, ""), (_RFQ_QUOTE, "RFQ"))
        for route in (
            _read(path, communications.quote, "quotes", f"Get{kind}Quote"),
            _trade("DELETE", path, communications.delete_quote, "quotes", f"Delete{kind}Quote"),
            _trade("PUT", f"{path}/accept", communications.accept, "quotes", f"Accept{kind}Quote"),
            _trade("PUT", f"{path}/confirm", communications.confirm, "quotes", f"Confirm{kind}Quote"),
        )
    ),
    _read(_BLOCKS, blocks.proposals, "blocks", "GetBlockTradeProposals", "read::block_trade_accept"),
    _trade("POST", _BLOCKS, blocks.propose, "blocks", "ProposeBlockTrade"),
    Route(
        "POST", f"{_BLOCKS}/{{block_trade_proposal_id}}/accept", blocks.accept, "blocks", "AcceptBlockTradeProposal",
        "write::block_trade_accept",
    ),
    _public(_COLLECTIONS, combos.collections, "combos", "GetMultivariateEventCollections"),
    _public(_COLLECTION, combos.collection, "combos", "GetMultivariateEventCollection"),
    _trade("POST", _COLLECTION, combos.create, "combos", "CreateMarketInMultivariateEventCollection"),
    _read(_SERIES_FORECAST, forecasts.forecasts, "events", "GetEventForecastPercentilesHistory"),
    _public("/milestones", reference.milestones, "reference", "GetMilestones"),
    _public("/milestones/{milestone_id}", reference.milestone, "reference", "GetMilestone"),
    _public("/structured_targets", reference.targets, "reference", "GetStructuredTargets"),
    _public("/structured_targets/{structured_target_id}", reference.target, "reference", "GetStructuredTarget"),
    _public("/search/tags_by_categories", reference.tags, "reference", "GetTagsForSeriesCategories"),
    _public("/search/filters_by_sport", reference.sports, "reference", "GetFiltersForSports"),
    _public("/incentive_programs", reference.incentives, "reference", "GetIncentivePrograms"),
    _public(f"{_LIVE}/batch", reference.live_batch, "reference", "GetLiveDatas"),
    _public(f"{_LIVE}/milestone/{{milestone_id}}", reference.live_milestone, "reference", "GetLiveDataByMilestone"),
    _public(f"{_LIVE}/{{type}}/milestone/{{milestone_id}}", reference.live_milestone, "reference", "GetLiveData"),
    _public(f"{_LIVE}/milestone/{{milestone_id}}/game_stats", reference.game_stats, "reference", "GetGameStats"),
    _public(f"{_LIVE}/events/{{event_ticker}}", reference.live_event, "reference", "GetEventLiveData"),
    _public(f"{_LIVE}/weather/{{city}}", reference.weather, "reference", "GetWeatherIndex"),
    _public(f"{_LIVE}/weather/{{city}}/calibrations", reference.weather, "reference", "GetWeatherIndexCalibrations"),
    *(
        Route(method, f"/fcm/{path}", reference.fcm, "fcm", "FCM", "read" if method == "GET" else "write")
        for method, path in _FCM
    ),
)  # fmt: skip

_GONE = (
    ("POST", "/portfolio/orders"),
    ("POST", "/portfolio/orders/batched"),
    ("DELETE", "/portfolio/orders/batched"),
    ("DELETE", "/portfolio/orders/{order_id}"),
    ("POST", "/portfolio/orders/{order_id}/amend"),
    ("POST", "/portfolio/orders/{order_id}/decrease"),
)
GONE = tuple(Route(method, path, orders.gone, "create", "CreateOrder") for method, path in _GONE)

_PATTERNS = [
    (route, re.compile(PREFIX + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path))) for route in (*ROUTES, *GONE)
]


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a request and the parts of its path that vary."""
    for route, pattern in _PATTERNS:
        if route.method == method and (match := pattern.fullmatch(path)) is not None:
            return route, match.groupdict()
    return None
