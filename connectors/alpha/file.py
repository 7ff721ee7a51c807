"""Reading and writing the signal file.

A file that is no signal file at all is refused whole. A single row that is wrong costs only its own market, which is
then unknown, and the fault says which row and field it was.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connectors.alpha.models import VERSION, Signal, SignalFile, iso

LARGEST = 16 * 1024 * 1024  # bytes
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is no field of a signal; remove it",
    "greater_than": "must be above 0 and below 1",
    "less_than": "must be above 0 and below 1",
    "greater_than_equal": "must be from 0 to 1",
    "less_than_equal": "must be from 0 to 1",
    "float_type": "must be a number, without quotes",
    "finite_number": "must be a finite number",
    "string_type": "must be a text in quotes",
    "string_pattern_mismatch": "must be the ticker of a market, such as KXATPMATCH-26SEP11ZVEKHA-ZVE",
    "timezone_aware": "needs a zone: end it with Z for UTC",
    "string_too_short": "must not be empty",
    "string_too_long": "is longer than 80 characters",
}  # fmt: skip


class AlphaError(Exception):
    """A signal file that cannot be used at all. One line: the file, what is wrong, the mend."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot be used. ``row`` counts from 1; ``ticker`` is empty where it cannot be read."""

    row: int
    ticker: str
    field: str
    words: str

    def __str__(self) -> str:
        of = f" ({self.ticker})" if self.ticker else ""
        return f"row {self.row}{of}: {self.field} {self.words}" if self.field else f"row {self.row}{of}: {self.words}"


@dataclass(frozen=True, slots=True)
class Alpha:
    """What a file says: sound ``signals`` by ticker, ``faults`` for all other rows; ``sha256`` is of its bytes."""

    signals: Mapping[str, Signal]
    faults: Sequence[Fault] = ()
    sha256: str = ""


def read_alpha(path: Path) -> Alpha:
    """The signals of a file; AlphaError when it is not there or is no signal file."""
    try:
        if path.stat().st_size > LARGEST:
            raise AlphaError(f"{path} is larger than {LARGEST >> 20} MiB; is it a signal file?")
        data = path.read_bytes()
    except FileNotFoundError:
        raise AlphaError(f"there is no signal file {path}; `engine signals build` makes one") from None
    except OSError as error:
        raise AlphaError(f"{path} cannot be read: {error.strerror}") from None
    return parse_alpha(data, str(path))


def parse_alpha(data: bytes, name: str) -> Alpha:
    """The signals in the bytes of a file called ``name``."""
    try:
        told = json.loads(data, object_pairs_hook=_no_twins)
    except UnicodeDecodeError:
        raise AlphaError(f"{name} is not UTF-8 text; make it anew") from None
    except (json.JSONDecodeError, RecursionError) as error:
        place = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise AlphaError(f"{name} is no JSON: {place}") from None
    except _Twin as twin:
        raise AlphaError(f"{name} has the key `{twin}` twice in one object; keep one") from None
    rows = _rows(told, name)
    signals: dict[str, Signal] = {}
    faults: list[Fault] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        ticker = row.get("ticker") if isinstance(row, dict) else None
        ticker = ticker if isinstance(ticker, str) else ""
        if ticker and ticker in seen:
            faults.append(Fault(number, ticker, "ticker", f"is in row {seen[ticker]} already; keep one of them"))
            signals.pop(ticker, None)  # which of the two is meant cannot be known
            continue
        seen[ticker] = number
        try:
            signals[ticker] = Signal.model_validate_json(json.dumps(row))
        except (ValidationError, ValueError) as error:
            faults.append(_fault(number, ticker, error))
    return Alpha(signals, tuple(faults), sha256(data).hexdigest())


class _Twin(Exception):
    pass


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twin(next(key for key in keys if keys.count(key) > 1))
    return found


def _rows(told: Any, name: str) -> list[Any]:
    """The rows of a file whose frame is right."""
    if not isinstance(told, dict) or not isinstance(told.get("signals"), list):
        raise AlphaError(f"{name} has no list `signals`: see schemas/alpha_signals.json")
    try:
        SignalFile.model_validate_json(json.dumps({**told, "signals": []}))
    except ValidationError as error:
        fault = _fault(0, "", error)
        mend = f"write {VERSION}" if fault.field == "version" else "see schemas/alpha_signals.json"
        raise AlphaError(f"{name}: {fault.field} {fault.words}; {mend}") from None
    rows: list[Any] = told["signals"]
    return rows


def _fault(row: int, ticker: str, error: ValueError) -> Fault:
    if not isinstance(error, ValidationError):
        return Fault(row, ticker, "", str(error))
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    words = _WORDS.get(first["type"], first["msg"].removeprefix("Value error, "))
    given = first.get("input")
    shown = f" (it is {json.dumps(given)})" if field and isinstance(given, int | float | str) else ""
    return Fault(row, ticker, field, words + shown)


def rendered(signals: Iterable[Signal], generated_at: datetime) -> str:
    """The text of a signal file."""
    told = {
        "version": VERSION,
        "generated_at": iso(generated_at),
        "signals": [signal.model_dump(mode="json", exclude_none=True) for signal in signals],
    }
    return json.dumps(told, indent=2) + "\n"


def write_alpha(path: Path, signals: Iterable[Signal], generated_at: datetime) -> None:
    """Put a signal file in place of the one at ``path``; whoever reads sees the old one or the new one, whole.

    AlphaError when it cannot be written.
    """
    replace_text(path, rendered(signals, generated_at))


def replace_text(path: Path, text: str) -> None:
    """Put ``text`` at ``path`` in one step, on disk when this returns; AlphaError when it cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            os.chmod(name, 0o644)  # noqa: PTH101  # what mkstemp made is for its owner alone
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise AlphaError(f"{path} cannot be written: {error.strerror}") from None


def _sync_folder(folder: Path) -> None:
    """The new name is on disk, too."""
    with suppress(OSError):  # not every system lets a folder be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
