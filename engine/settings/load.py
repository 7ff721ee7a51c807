"""Reads ``autotrader.toml``, then the environment, then the command line; the later wins, every mistake is named."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from engine.settings.messages import explain, unknown_key
from engine.settings.models import Settings
from engine.settings.toml_lines import line_of

FILE_NAME = "autotrader.toml"
ENVIRONMENT_PREFIX = "AUTOTRADER__"
COMMAND_LINE = "command line"
LARGEST_BYTES = 1 << 20
Tables = dict[str, dict[str, Any]]


class SettingsError(Exception):
    """Settings that cannot be used. One line a mistake: the file and line (or the variable), the key and the mend."""


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings, the file they are from (None: defaults), and where each key that is no default was said."""

    settings: Settings
    file: Path | None
    origins: Mapping[str, str]


def load_settings(
    path: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The settings in force. See ``read_settings``."""
    return read_settings(path, overrides, environment).settings


def read_settings(
    path: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> LoadedSettings:
    """Settings from ``path`` (None: ``autotrader.toml`` here, or the defaults when there is none), then from
    ``AUTOTRADER__SECTION__KEY`` variables, then from ``overrides`` by dotted key (``{"market.seed": 3}``; None means
    not given).

    Relative paths of the file, and of the defaults, start at the folder of the file; those of variables and overrides
    start at the working directory. Raises SettingsError that lists every mistake.
    """
    draft = _Draft()
    file = _file(path)
    if file is not None:
        draft.read_file(file)
    draft.read_environment(os.environ if environment is None else environment)
    for dotted, value in (overrides or {}).items():
        if value is not None:
            draft.put(dotted, value, COMMAND_LINE)
    return draft.finish()


@dataclass(slots=True)
class _Draft:
    file: Path | None = None
    text: str = ""
    tables: Tables = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)

    def read_file(self, file: Path) -> None:
        self.file, self.text = file, _read_text(file)
        try:
            tables = tomllib.loads(self.text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(_syntax_error(file, self.text, str(error))) from None
        for section, table in tables.items():
            if section not in Settings.model_fields:
                self.mistakes.append(f"{self._place((section,))}: {unknown_key((section,), Settings)}")
            elif not isinstance(table, dict):
                self.mistakes.append(f"{self._place((section,))}: {section} is a table; write [{section}] and its keys")
            else:
                self.tables[section] = table
                self.origins |= {f"{section}.{key}": str(file) for key in table}

    def read_environment(self, environment: Mapping[str, str]) -> None:
        for name in sorted(environment):
            if not name.startswith(ENVIRONMENT_PREFIX):
                continue
            path = tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))
            origin = f"environment variable {name}"
            wanted = _field(path)
            if wanted is None:
                self.mistakes.append(f"{origin}: {unknown_key(path, Settings, as_variable)}")
                continue
            self.put(".".join(path), _from_text(environment[name], wanted), origin)

    def put(self, dotted: str, value: object, origin: str) -> None:
        section, _, key = dotted.partition(".")
        if _field((section, key)) is None:
            self.mistakes.append(f"{origin}: {unknown_key((section, key), Settings)}")
            return
        self.tables.setdefault(section, {})[key] = value
        self.origins[dotted] = origin

    def finish(self) -> LoadedSettings:
        try:
            settings = Settings.model_validate(self.tables)
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                path = tuple(str(step) for step in problem["loc"])
                self.mistakes.append(f"{self._place(path)}: {explain(problem, Settings)}")
        if self.mistakes:
            raise SettingsError("\n".join(sorted(self.mistakes, key=_in_order)))
        placed = _placed(settings, self.file, self.origins)
        return LoadedSettings(placed, self.file, dict(sorted(self.origins.items())))

    def _place(self, path: tuple[str, ...]) -> str:
        """Where the value at ``path`` was said: the variable, the command line, or the file and line."""
        origin = self.origins.get(".".join(path[:2]))
        if origin is not None and origin != str(self.file):
            return origin
        if self.file is None:
            return next((self.origins[key] for key in self.origins if key.startswith(f"{path[0]}.")), "settings")
        line = line_of(self.text, path)
        return f"{self.file}:{line}" if line else str(self.file)


def _in_order(mistake: str) -> tuple[str, int]:
    """By file or variable, then by line as a number."""
    place, _, line = mistake.partition(": ")[0].rpartition(":")
    return (place, int(line)) if line.isdigit() else (mistake, 0)


def as_variable(path: tuple[str, ...]) -> str:
    """How the environment names a setting: ``AUTOTRADER__PAPER__CASH``."""
    return ENVIRONMENT_PREFIX + "__".join(path).upper()


def _file(path: Path | None) -> Path | None:
    if path is not None:
        return path / FILE_NAME if path.is_dir() else path
    return Path(FILE_NAME) if Path(FILE_NAME).exists() else None


def _read_text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise SettingsError(f"{file}: no such file; without a settings file the defaults are used") from None
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror or error}") from None
    if len(data) > LARGEST_BYTES:
        raise SettingsError(f"{file}: larger than {LARGEST_BYTES >> 20} MiB, so it is no settings file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{file}:{line}: not UTF-8 text; save the file as UTF-8") from None


def _syntax_error(file: Path, text: str, message: str) -> str:
    """``file:line:column: what``, from the parser's ``what (at line 3, column 5)``."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message, re.DOTALL)
    what, line, column = found.groups() if found else (message, None, None)
    place = f"{file}:{line}:{column}" if line else f"{file}:{text.rstrip().count(chr(10)) + 1}"
    return f"{place}: not TOML: {what[:1].lower()}{what[1:]}"


def _field(path: tuple[str, ...]) -> FieldInfo | None:
    """The model's field at ``(section, key)``."""
    section = Settings.model_fields.get(path[0])
    if len(path) != 2 or section is None or not isinstance(section.annotation, type):
        return None
    assert issubclass(section.annotation, BaseModel)
    fields = section.annotation.model_fields.items()
    return next((field for name, field in fields if (field.alias or name) == path[1]), None)


def _from_text(text: str, wanted: FieldInfo) -> object:
    """The value that a variable's text means for that field: text as it is, lists by comma, the rest as in TOML.

    What is none of these stays text, so that the model says what it wanted instead.
    """
    kinds = set(_plain(wanted.annotation))
    if kinds & {str, Path}:
        return text
    if list in kinds and not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    try:
        return tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]
    except tomllib.TOMLDecodeError:
        return text


def _plain(annotation: Any) -> Iterator[type]:
    """The plain types of an annotation: ``str`` for a choice of words, ``list`` for a list of anything."""
    origin = get_origin(annotation)
    if origin is Literal:
        yield from {type(choice) for choice in get_args(annotation)}
    elif origin is Annotated:
        yield from _plain(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for part in get_args(annotation):
            yield from _plain(part)
    else:
        yield origin or annotation


def _placed(settings: Settings, file: Path | None, origins: Mapping[str, str]) -> Settings:
    """The settings with the file's relative paths made to start at the file's folder."""
    if file is None:
        return settings
    folder = file.parent
    changed = {}
    for name in Settings.model_fields:
        section = getattr(settings, name)
        moved = {
            key: _join(folder, value)
            for key, value in section
            if origins.get(f"{name}.{key}", str(file)) == str(file) and _join(folder, value) != value
        }
        if moved:
            changed[name] = section.model_copy(update=moved)
    return settings.model_copy(update=changed)


def _join(folder: Path, value: object) -> object:
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, list):
        return [_join(folder, item) for item in value]
    return value
