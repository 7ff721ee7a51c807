"""``engine config``: the settings in force with who said each, and every mistake of every layer at once."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from engine.cli.console import out, print_json
from engine.cli.errors import ExitCode
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import LoadedSettings, SettingsError, read_settings


def command(
    action: Annotated[
        Literal["show", "validate"], typer.Argument(help="show what is in force, or validate every layer.")
    ] = "show",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Show the settings in force and where each was said, or find every mistake in them. Secrets are not shown."""
    if action == "show":
        _show(read_settings(config), json)
        return ExitCode.GOOD
    try:
        loaded = read_settings(config)
    except SettingsError as error:
        if not json:
            raise
        print_json({"valid": False, "mistakes": error.mistakes})
        return ExitCode.USAGE
    if json:
        print_json({"valid": True, "mistakes": [], "hints": loaded.hints})
    else:
        for hint in loaded.hints:
            out().print(hint, markup=False)
        files = ", ".join(str(file) for file in loaded.files) or "no file, so the defaults"
        out().print(f"no mistakes in {escape(files)}; {len(loaded.said)} settings are said, the others are defaults")
    return ExitCode.GOOD


def _show(loaded: LoadedSettings, as_json: bool) -> None:
    # A secret renders as stars: its type sees to it, here and wherever else it is printed.
    values = loaded.settings.model_dump(mode="json", by_alias=True)
    names = [f"{section}.{key}" for section, keys in values.items() for key in keys]
    origins = dict.fromkeys(names, "default") | loaded.origins
    if as_json:
        print_json({"file": loaded.file, "files": loaded.files, "settings": values, "origins": origins})
        return
    table = Table("setting", "value", "said by", box=None, pad_edge=False)
    for section, keys in values.items():
        for key, value in keys.items():
            name = f"{section}.{key}"
            table.add_row(name, escape(_shown(value)), escape(origins[name]))
    out().print(table)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} = {item}" for key, item in value.items()) or "none"
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
