"""Settings of what tells facts to rules beside the market: signal files, matches, a leaderboard."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from pydantic import Field

from engine.settings.types import File, LeaderboardUrl, Positive, Section, Symbol


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
