"""What the settings may say. The models are the one source: loader, schema and documentation follow them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from engine.settings.sources import ArenaSettings, SignalsSettings, TennisSettings
from engine.settings.types import (
    Database,
    File,
    LogLevel,
    NotNegative,
    Positive,
    Secret,
    Section,
    Share,
    Symbol,
    Timezone,
)
from engine.settings.venues import KalshiSettings, PolygonSettings, TradierSettings


class EngineSettings(Section):
    """What runs."""

    mode: Literal["paper"] = Field(
        default="paper", description="Which broker takes orders; paper sends none."
    )
    packs: list[str] = Field(
        default=[], description="Names of the rule packs to run; none named means every pack under rules.paths."
    )
    timezone: Timezone = Field(
        default="America/New_York",
        description="IANA zone of what has no pack, or packs of several zones: the days of `engine data export`, the "
        "times of alerts. Rules, runs and what is shown of them go by the timezone of their pack.",
    )


class RulesSettings(Section):
    """Where the rules are."""

    paths: list[File] = Field(
        default=[Path("rules")], min_length=1, description="Folders of rule packs, from the folder of this file."
    )


class MarketSettings(Section):
    """Where market events come from."""

    source: Literal["simulated", "replay"] = Field(
        default="simulated", description="simulated makes prices up from a seed; replay reads recorded files."
    )
    data: File | None = Field(
        default=None, description="Folder of the files that replay reads, from the folder of this file."
    )
    symbols: list[Symbol] = Field(
        default=["SPY", "QQQ", "SPX"], description="Symbols to watch; replay takes an empty list as every one it has."
    )
    execution: dict[str, Symbol] = Field(
        default={"SPX": "SPY", "NDX": "QQQ"},
        description="Which symbol is ordered when another one triggers; an index itself cannot be ordered.",
    )
    seed: int = Field(default=7, ge=0, description="Seed of the simulated prices: the same seed gives the same market.")
    days: int = Field(default=1, ge=1, le=2520, description="Trading days to simulate.")
    assumed_spread: Positive | None = Field(
        default=None,
        description="Dollars to assume between bid and ask of Kalshi candles; unset, both are unknown there.",
    )

    @model_validator(mode="after")
    def _replay_has_data(self) -> Self:
        if self.source == "replay" and self.data is None:
            raise ValueError('needs data when source = "replay": the folder of files to read')
        return self


class PaperSettings(Section):
    """How the paper broker fills, and what it charges."""

    cash: Positive = Field(default=Decimal(100_000), description="Cash at the start, in dollars.")
    fee_per_unit: NotNegative = Field(default=Decimal("0.005"), description="Fee per unit traded, in dollars.")
    fee_minimum: NotNegative = Field(
        default=Decimal("1.00"), description="Least fee of an order that trades, in dollars."
    )
    slippage_bps: NotNegative = Field(
        default=Decimal(1),
        description="How much worse than the quote a market order fills, in hundredths of a percent.",
    )
    latency_ms: int = Field(
        default=250, ge=0, le=60_000, description="Time from an order to the market, in milliseconds."
    )
    participation: Share = Field(
        default=Decimal("0.1"),
        description="Largest share of a bar's volume that one order may take, above 0, at most 1.",
    )
    fill_model: Literal["pessimistic", "central", "optimistic"] = Field(
        default="central", description="Which fills count; every back-test also reports the other two."
    )


class StoreSettings(Section):
    """Where runs, decisions, orders and fills are kept."""

    path: File = Field(
        default=Path("state/autotrader.db"),
        description="The SQLite file, from the folder of this file; the file HALT is beside it.",
    )
    url: Database | None = Field(
        default=None,
        description="A PostgreSQL database in place of the file: postgresql://USER@HOST:PORT/DATABASE?schema=NAME.",
    )
    password: Secret | None = Field(
        default=None,
        description="Of the database. Only in the environment or in .env, never in this file; or in libpq's passfile.",
    )
    features: bool = Field(
        default=False,
        description="Whether a process beside each run keeps what its rules compute at each bar: see docs/features.md.",
    )


class TraceSettings(Section):
    """Which decisions are shown, and which are kept."""

    level: Literal["none", "fired", "full"] = Field(
        default="fired", description="What a run prints: nothing, rules that fired or were blocked, or every rule."
    )
    keep: Literal["none", "fired", "all"] = Field(
        default="all", description="Which traces the store keeps; why and why-not can answer only from those."
    )


class RunSettings(Section):
    """How a run goes on."""

    interval_seconds: NotNegative = Field(
        default=Decimal("0.02"), description="Time between two ticks of the simulated market, in seconds; 0 is no wait."
    )


class EventsSettings(Section):
    """The event log of runs: signals and what became of them, orders, fills, halts."""

    path: File | None = Field(
        default=None, description="The file of JSON lines; unset, events.jsonl in the folder of the store."
    )
    max_bytes: int = Field(
        default=10_000_000, ge=10_000, description="Size at which the file is moved aside for a new one, in bytes."
    )
    keep: int = Field(default=5, ge=0, le=1000, description="How many files that were moved aside are kept.")


class ServiceSettings(Section):
    """The HTTP service, `engine serve`."""

    host: str = Field(
        default="127.0.0.1", min_length=1,
        description="Address to listen on; any but loopback asks for a token also to read.",
    )
    port: int = Field(default=8080, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    tokens: File = Field(
        default=Path("state/tokens.json"), description="File of hashed tokens, readable by its owner alone."
    )
    requests_per_second: Positive = Field(
        default=Decimal(20), description="How many requests a second one caller may make, on average."
    )
    wait_seconds: Positive = Field(
        default=Decimal(5), description="How long the engine that runs may take to answer a wish, in seconds."
    )


class NotifySettings(Section):
    """Who is told what happens, beside the terminal and the store."""

    urls: Secret | None = Field(
        default=None,
        description="Apprise URLs with commas between them. Only in the environment or in .env, never in this file.",
    )
    kinds: list[Literal["trades", "signals", "errors", "halts", "gates"]] = Field(
        default=["trades", "errors", "halts", "gates"],
        description="What is told: fills, orders that rules want, errors, halts and their end, changes of gates.",
    )
    per_minute: int = Field(
        default=10, ge=1, le=600, description="Most messages a minute to each target; beyond, one with counts."
    )


class DiscordSettings(Section):
    """A Discord channel that is told the same as notify.urls."""

    webhook_url: Secret | None = Field(
        default=None, description="Its webhook. Only in the environment or in .env, never in this file."
    )
    enabled: bool = Field(default=True, description="false tells it nothing.")


class LogSettings(Section):
    """The log on standard error."""

    level: LogLevel = Field(
        default="info", description="Least severe line to write."
    )
    json_lines: bool = Field(default=False, alias="json", description="true writes one JSON object a line.")


class Settings(Section):
    """All of ``autotrader.toml``."""

    engine: EngineSettings = EngineSettings()
    rules: RulesSettings = RulesSettings()
    market: MarketSettings = MarketSettings()
    paper: PaperSettings = PaperSettings()
    store: StoreSettings = StoreSettings()
    trace: TraceSettings = TraceSettings()
    run: RunSettings = RunSettings()
    kalshi: KalshiSettings = KalshiSettings()
    polygon: PolygonSettings = PolygonSettings()
    tradier: TradierSettings = TradierSettings()
    signals: SignalsSettings = SignalsSettings()
    tennis: TennisSettings = TennisSettings()
    arena: ArenaSettings = ArenaSettings()
    events: EventsSettings = EventsSettings()
    service: ServiceSettings = ServiceSettings()
    notify: NotifySettings = NotifySettings()
    discord: DiscordSettings = DiscordSettings()
    log: LogSettings = LogSettings()
