"""What the settings may say. The models are the one source: loader, schema and documentation follow them."""

from __future__ import annotations

from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    WithJsonSchema,
    model_validator,
)

from engine.language.diagnostics import did_you_mean


def _number(value: object) -> object:
    """Numbers only: TOML has true, "5" and 5, and a setting that means 5 should say 5."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("must be a number")
    number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise ValueError("must be a finite number")
    return number


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        close = did_you_mean(name, available_timezones())
        hint = f"did you mean {close}?" if close else "write an IANA name, such as America/New_York"
        raise ValueError(f"is no time zone; {hint}") from None
    return name


def _path(value: object) -> object:
    if not isinstance(value, str | Path) or not str(value).strip():
        raise ValueError("must be a path, in quotes")
    return Path(value)


def _is_this_machine(host: str | None) -> bool:
    return host == "localhost" or ip_address(host or "").is_loopback


def _loopback(address: str) -> str:
    """Signed orders must reach nobody but the venue itself or a practice exchange on this machine."""
    try:
        parts = urlsplit(address)
        local = _is_this_machine(parts.hostname)
        port = parts.port
    except ValueError:
        local, port = False, None
    if not local or port is None or parts.scheme != "http" or "@" in parts.netloc:
        raise ValueError("needs an address of this machine: write http://127.0.0.1:PORT, or leave it out")
    return address


LEADERBOARD_HOSTS = ("arena.ai", "lmarena.ai")
_LEADERBOARD_PATH = "/leaderboard/text/overall-no-style-control"


def _leaderboard(address: str) -> str:
    """Real money follows what the page says: nobody but the site itself, or a practice page of this machine, is asked,
    and only for the table that contracts settle on."""
    try:
        parts = urlsplit(address)
        site = parts.hostname in LEADERBOARD_HOSTS and parts.scheme == "https" and parts.port in (None, 443)
        local = parts.scheme == "http" and _is_this_machine(parts.hostname)
    except ValueError:
        site = local = False
    if not (site or local) or "@" in parts.netloc:
        hosts = " or ".join(f"https://{host}" for host in LEADERBOARD_HOSTS)
        raise ValueError(f"needs an address on {hosts}, or of this machine, such as http://127.0.0.1:8795")
    if not parts.path.endswith(_LEADERBOARD_PATH):
        raise ValueError(f"needs the table without style control: the path ends with {_LEADERBOARD_PATH}")
    return address


def _storage(address: str) -> str:
    """Files may come from any S3, but over an encrypted connection unless it is on this machine."""
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname and "@" not in parts.netloc:
        return address
    try:
        return _loopback(address)
    except ValueError:
        raise ValueError("must be an address such as https://files.massive.com, or http://127.0.0.1:PORT") from None


def _database(address: str) -> str:
    """Which database, and never the password to it: settings are shown, and end up in logs."""
    try:
        parts = urlsplit(address)
        whole = parts.scheme in ("postgresql", "postgres") and bool(parts.path.strip("/")) and parts.fragment == ""
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("names no database: write postgresql://USER@HOST:PORT/DATABASE, or say path for a file")
    if parts.password is not None or "password=" in parts.query:
        raise ValueError("holds a password: take it out and say AUTOTRADER__STORE__PASSWORD, or use libpq's passfile")
    return address


def _no_key(path: Path) -> Path:
    if "-----" in str(path) or "\n" in str(path):
        raise ValueError("needs the path of the key file; this is a key itself, and now it should be made anew")
    return path


def _one_word(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be one word of plain letters, digits and signs")
    return secret


# Sums and floats of anything below stay exact to the cent, and nobody means more.
TOO_MUCH = 10**15
Number = Annotated[Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number"})]
NotNegative = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(ge=0, lt=TOO_MUCH),
    WithJsonSchema({"type": "number", "minimum": 0, "exclusiveMaximum": TOO_MUCH}),
]
Share = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(gt=0, le=1),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
]
Positive = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(gt=0, lt=TOO_MUCH),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": TOO_MUCH}),
]
File = Annotated[Path, BeforeValidator(_path), WithJsonSchema({"type": "string", "minLength": 1})]
Symbol = Annotated[str, Field(pattern=r"^\S+$")]
KeyFile = Annotated[
    Path, BeforeValidator(_path), AfterValidator(_no_key), WithJsonSchema({"type": "string", "minLength": 1})
]
Secret = Annotated[SecretStr, AfterValidator(_one_word)]
Loopback = Annotated[str, AfterValidator(_loopback)]
LeaderboardUrl = Annotated[str, AfterValidator(_leaderboard)]
StorageAddress = Annotated[str, AfterValidator(_storage)]
Database = Annotated[str, AfterValidator(_database)]
Timezone = Annotated[str, AfterValidator(_timezone)]


class Section(BaseModel):
    """A table of the file: frozen, no key but those below, and no value of another type made to fit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class EngineSettings(Section):
    """What runs."""

    mode: Literal["paper"] = Field(
        default="paper", description="Which broker takes orders; paper sends none."
    )
    packs: list[str] = Field(
        default=[], description="Names of the rule packs to run; none named means every pack under rules.paths."
    )
    timezone: Timezone = Field(
        default="America/New_York", description="IANA zone of clock times, and of where a day ends."
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
    subaccount: int = Field(default=0, ge=0, le=63, description="Which subaccount trades; 0 is the primary account.")
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
    flatfiles_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = Field(
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


class SignalsSettings(Section):
    """Signals that rules trade on."""

    alpha: File = Field(
        default=Path("data/alpha_signals.json"),
        description="The file of fair probabilities, from the folder of this file; read again whenever it changes.",
    )
    flow: File = Field(
        default=Path("data/flow_parameters.json"),
        description="What `engine signals fit-flow` found, which signals from trade flow are built with.",
    )


class TennisSettings(Section):
    """Matches of professional tennis."""

    database: File = Field(
        default=Path("data/tennis.db"), description="Players and matches, made by `engine tennis import`."
    )
    overrides: File = Field(
        default=Path("data/tennis_overrides.toml"),
        description="Who a name means and where a tournament is played, where nothing else says; may be missing.",
    )
    series: list[Symbol] = Field(
        default=["KXATPMATCH", "KXWTAMATCH", "KXATPCHALLENGERMATCH"], min_length=1,
        description="Series of the venue whose open markets are looked at.",
    )
    scan_seconds: Positive = Field(
        default=Decimal(60), description="How often the venue's list of markets is read, in seconds."
    )
    as_of: str | None = Field(
        default=None, pattern=r"^\d{4}-\d{2}-\d{2}$",
        description="Pretend that it is this day, 2023-05-08, and know only what came before: to practise on the past.",
    )


class ArenaSettings(Section):
    """The leaderboard that contracts on the best language model settle on."""

    primary_url: LeaderboardUrl = Field(
        default="https://arena.ai/leaderboard/text/overall-no-style-control", description="The page that is asked."
    )
    fallback_url: LeaderboardUrl = Field(
        default="https://lmarena.ai/leaderboard/text/overall-no-style-control",
        description="The page that is asked when the first cannot be had or believed.",
    )
    interval_seconds: int = Field(
        default=30, ge=5, le=3600, description="Seconds between two looks; more after failures, and when asked to wait."
    )
    timeout_seconds: int = Field(default=20, ge=1, le=120, description="Longest time that a page may take, in seconds.")
    confirm_minutes: int = Field(
        default=180, ge=0, le=2880, description="How long a loss among the best ten must last until it is believed."
    )
    least_rows: int = Field(default=100, ge=2, description="Models that a table has at least; fewer are a part of it.")
    folder: File = Field(
        default=Path("data/arena"), description="Where tables and looks are kept, from the folder of this file."
    )
    seed: int = Field(default=7, ge=0, description="Seed of the model's draws: the same seed, the same fair values.")


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


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class LogSettings(Section):
    """The log on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
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
