"""Settings of the venues and vendors that are spoken to."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from engine.settings.types import Bucket, KeyFile, Loopback, Positive, Secret, Section, StorageAddress, Symbol


class KalshiSettings(Section):
    """The venue Kalshi. Which exchange is spoken to and whether orders are sent are two settings; both are safe."""

    environment: Literal["demo", "production"] = Field(
        default="demo", description="Which exchange is spoken to: demo has mock money, production real money."
    )
    execution_mode: Literal["paper", "live"] = Field(
        default="paper", description="Who takes the orders: paper sends none; live sends them to the environment."
    )
    api_key_id: Secret | None = Field(
        default=None, description="Name of the API key. Only in the environment or in .env, never in this file."
    )
    private_key_path: KeyFile | None = Field(
        default=None, description="PEM file of the private key, readable by its owner alone."
    )
    base_url: Loopback | None = Field(
        default=None,
        description="A practice exchange on this machine in place of the venue, such as http://127.0.0.1:8700.",
    )
    subaccount: int = Field(default=0, ge=0, le=63, description="0 is the primary account, which alone can be traded.")
    foreign_orders: Literal["adopt", "ignore", "alert"] = Field(
        default="alert",
        description="Orders of the account that this engine did not place: managed, left unmentioned, or told.",
    )


class PolygonSettings(Section):
    """Polygon.io, now Massive: bars, quotes, index values and options analytics, live and past."""

    domain: Literal["massive.com", "polygon.io"] = Field(
        default="massive.com", description="Under which of its names the vendor is reached."
    )
    delayed: bool = Field(
        default=False, description="true for plans whose websockets are 15 minutes late; others are real-time."
    )
    base_url: Loopback | None = Field(
        default=None,
        description="A practice vendor on this machine in its place, such as http://127.0.0.1:8801.",
    )
    api_key: Secret | None = Field(
        default=None, description="The API key. Only in the environment or in .env, never in this file."
    )
    stream_key: Secret | None = Field(
        default=None, description="Another key for websockets; unset, api_key. Only in the environment or in .env."
    )
    requests_per_minute: int = Field(
        default=0, ge=0, le=100_000, description="Requests that the plan allows; 5 for the free one, 0 for no limit."
    )
    symbols: list[Symbol] = Field(
        default=["SPX", "NDX", "SPY", "QQQ"], description="What `engine stream` keeps; I:XAU names another index."
    )
    stream_batch: int = Field(
        default=500, ge=1, le=100_000, description="Rows that `engine stream` writes at once at the latest."
    )
    stream_flush_seconds: Positive = Field(
        default=Decimal(1), description="Seconds after which `engine stream` writes what it has."
    )
    options_interval_seconds: Positive = Field(
        default=Decimal(60), description="Seconds between two looks at an options chain."
    )
    options_days: int = Field(
        default=7, ge=0, le=1000, description="Expirations that options figures look at: today and so many days on."
    )
    flatfiles_access_key: Secret | None = Field(
        default=None, description="Access key of the flat files. Only in the environment or in .env."
    )
    flatfiles_secret_key: Secret | None = Field(
        default=None, description="Secret key of the flat files. Only in the environment or in .env."
    )
    flatfiles_endpoint: StorageAddress | None = Field(
        default=None, description="Where the flat files are; unset, https://files. and the domain."
    )
    flatfiles_bucket: Bucket = Field(
        default="flatfiles", description="The bucket of the flat files."
    )


class TradierSettings(Section):
    """The venue Tradier. Which one is spoken to and whether orders are sent are two settings; both are safe."""

    environment: Literal["sandbox", "production"] = Field(
        default="sandbox", description="Which Tradier is spoken to: sandbox has paper money, production real money."
    )
    execution_mode: Literal["paper", "live"] = Field(
        default="paper", description="Who takes the orders: paper sends none; live sends them to the environment."
    )
    access_token: Secret | None = Field(
        default=None, description="The token of that Tradier. Only in the environment or in .env, never in this file."
    )
    account_id: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9]+$", description="The account's number, such as VA00000000."
    )
    base_url: Loopback | None = Field(
        default=None,
        description="A practice Tradier on this machine in place of the venue, such as http://127.0.0.1:8791.",
    )
    market_data: Literal["tradier", "polygon"] = Field(
        default="tradier",
        description="Who tells the prices: Tradier itself, or Polygon as [polygon] has it; orders go to Tradier.",
    )
    foreign_orders: Literal["adopt", "ignore", "alert"] = Field(
        default="alert",
        description="Orders of the account that this engine did not place: managed, left unmentioned, or told.",
    )
