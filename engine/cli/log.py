"""The log: standard error, at the level and in the form that the settings name."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, cast

from loguru import logger

from engine.settings.models import LogSettings

if TYPE_CHECKING:
    from loguru import Message, Record

_FORMAT = "{time:HH:mm:ss} <level>{level: <7}</level> {message}{bound}\n{exception}"
_PLAIN = re.compile(r"[^\s\"=]+")


def configure_log(settings: LogSettings) -> None:
    """Send the log of this process to standard error. Call it once, before a verb does anything."""
    logger.remove()
    if settings.json_lines:
        logger.add(_write_json, level=settings.level.upper(), backtrace=False, diagnose=False)
    else:
        logger.add(sys.stderr, level=settings.level.upper(), format=_text, backtrace=False, diagnose=False)


def _text(record: Record) -> str:
    """The template of one line: time, level, message, then what was bound to it as ``name=value``."""
    bound = "".join(f" {name}={_value(str(value))}" for name, value in record["extra"].items())
    # By reference: what was bound is data, and no part of the template.
    cast("dict[str, object]", record)["bound"] = bound
    return _FORMAT


def _value(text: str) -> str:
    """One word as it is; anything else in quotes, so that a value cannot look like another line or field."""
    if _PLAIN.fullmatch(text) and text.isprintable():
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _write_json(message: Message) -> None:
    """One object a line: time (ISO 8601), level, message, where it was said, and what was bound to it."""
    record = message.record
    line = {
        **{name: str(value) for name, value in record["extra"].items()},
        "time": record["time"].isoformat(),
        "level": record["level"].name.lower(),
        "message": record["message"],
        "module": record["name"],
    }
    print(json.dumps(line, ensure_ascii=False), file=sys.stderr)
