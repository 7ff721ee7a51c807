"""What a value of a setting may be: each type says what is wrong with a value, and what to write instead."""

from __future__ import annotations

from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, WithJsonSchema

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


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


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
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]
Bucket = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]


class Section(BaseModel):
    """A table of the file: frozen, no key but those below, and no value of another type made to fit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
