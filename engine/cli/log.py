"""The log: standard error, at the level and in the form that the settings name."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from loguru import logger

from engine.settings.models import LogSettings

if TYPE_CHECKING:
    from loguru import Message

_FORMAT = "{time:HH:mm:ss} <level>{level: <7}</level> {message}"


def configure_log(settings: LogSettings) -> None:
    """Send the log of this process to standard error. Call it once, before a verb does anything."""
    logger.remove()
    if settings.json_lines:
        logger.add(_write_json, level=settings.level.upper(), backtrace=False, diagnose=False)
    else:
        logger.add(sys.stderr, level=settings.level.upper(), format=_FORMAT, backtrace=False, diagnose=False)


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
