"""What ``autotrader.toml`` may say. The models are the one source: loader, schema and documentation follow them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

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


Number = Annotated[Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number"})]
NotNegative = Annotated[
    Decimal, BeforeValidator(_number), Field(ge=0), WithJsonSchema({"type": "number", "minimum": 0})
]
Share = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(gt=0, le=1),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
]
Positive = Annotated[
    Decimal, BeforeValidator(_number), Field(gt=0), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})
]
File = Annotated[Path, BeforeValidator(_path), WithJsonSchema({"type": "string", "minLength": 1})]
Symbol = Annotated[str, Field(pattern=r"^\S+$")]
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
        default=Path("state/autotrader.db"), description="The SQLite file, from the folder of this file."
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


class LogSettings(Section):
    """The log on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning", description="Least severe line to write."
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
    log: LogSettings = LogSettings()
