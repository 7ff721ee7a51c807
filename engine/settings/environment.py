"""``.env.example``: every setting as the variable that says it, with its default and what it means, from the models.

``python -m engine.settings.environment`` writes it; a test fails when the checked-in file is out of step.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engine.settings.fields import is_secret
from engine.settings.models import Settings

FILE: Final = Path(__file__).parents[2] / ".env.example"
HEAD: Final = """\
# Copy this to .env, chmod 600 .env, and take the # away from what you want to say. What stands here are the defaults.
# The engine reads .env beside autotrader.toml; docker compose gives it to the containers, too.
# Made from the models by `python -m engine.settings.environment`; docs/configuration.md says how layers go together.

# For docker-compose.yml alone; the engine leaves names that do not begin with AUTOTRADER_ to others.
# DB_PASSWORD=                      # of the database that the containers keep everything in: any word, before its start
# GRAFANA_PASSWORD=                 # of the user admin of Grafana
# WORKER_OPTIONS=--paper --interval 1   # what `engine run` of the worker is given
# MODE=paper                        # whose store that is: paper, or demo or live where WORKER_OPTIONS say --live
# STREAM_OPTIONS=                   # what `engine stream` of the streamer is given
# API_PORT=8080                     # port of the service on this machine
# ENGINE_USER=10001:10001           # who runs in the containers, and must own the files in ./keys
"""


def rendered() -> str:
    """As it is checked in."""
    return "\n".join([HEAD, *_sections()])


def _sections() -> Iterator[str]:
    for section, about in Settings.model_fields.items():
        model = about.annotation
        assert isinstance(model, type) and issubclass(model, BaseModel)
        words = " ".join((model.__doc__ or "").split())
        lines = [f"# [{section}] {words}"]
        for name, field in model.model_fields.items():
            lines += [f"#   {field.description}", f"# {_variable(section, field.alias or name)}={_value(field)}"]
        yield "\n".join([*lines, ""])


def _variable(section: str, key: str) -> str:
    return f"AUTOTRADER__{section}__{key}".upper()


def _value(field: FieldInfo) -> str:
    """The default as a variable says it; nothing for a secret, or where there is none."""
    return "" if is_secret(field) or field.default is None else _text(field.default)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f'{key} = "{item}"' for key, item in value.items()) + "}"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


if __name__ == "__main__":
    FILE.write_text(rendered(), encoding="utf-8", newline="\n")
    print(FILE)
