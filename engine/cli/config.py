"""``engine config``: the settings in force, and where each was said."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from engine.cli.console import out, print_json
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import read_settings


def command(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show the settings in force, and where each was said."""
    loaded = read_settings(config)
    values = loaded.settings.model_dump(mode="json", by_alias=True)
    if json:
        print_json({"file": loaded.file, "settings": values, "origins": loaded.origins})
        return
    table = Table("setting", "value", "said by", box=None, pad_edge=False)
    for section, keys in values.items():
        for key, value in keys.items():
            name = f"{section}.{key}"
            table.add_row(name, escape(_shown(value)), escape(loaded.origins.get(name, "default")))
    out().print(table)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} = {item}" for key, item in value.items()) or "none"
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
