"""Settings under construction: values by key with who said them, and the mistakes found on the way."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from engine.language.diagnostics import did_you_mean
from engine.settings import messages
from engine.settings.dotenv import Dotenv, DotenvError, read_dotenv
from engine.settings.fields import field_at, from_text, is_secret
from engine.settings.former import DATABASE_URL, OTHER_NAMES, UNREAD, has_password, store_at
from engine.settings.messages import explain, unknown_key
from engine.settings.models import Settings
from engine.settings.origin import Layer, Origin
from engine.settings.venues import KalshiSettings

PREFIX = "AUTOTRADER__"
NO_SETTINGS = frozenset({"AUTOTRADER_DEBUG"})  # the engine's other variables
LARGEST_BYTES = 1 << 20
CONSENTS = frozenset(f"{venue}.{key}" for venue in ("kalshi", "tradier") for key in ("environment", "execution_mode"))
ENVIRONMENTS: tuple[str, ...] = get_args(KalshiSettings.model_fields["environment"].annotation)


def as_variable(path: tuple[str, ...]) -> str:
    """How the environment names a setting: ``AUTOTRADER__PAPER__CASH``."""
    return PREFIX + "__".join(path).upper()


class Draft:
    """Layers may come in any order: the stronger one wins. ``folder`` is where relative defaults start."""

    def __init__(self, folder: Path | None) -> None:
        self.said: dict[str, Origin] = {}
        self.files: list[Path] = []
        self._folder = folder
        self._tables: dict[str, dict[str, Any]] = {}
        self._sections: dict[str, Origin] = {}  # who first named a section, for mistakes that are about all of it
        self._mistakes: set[str] = set()
        self._said_as: dict[tuple[Layer, str], str] = {}  # by which variable a key was said
        self._unread: dict[str, Origin] = {}

    @property
    def hints(self) -> list[str]:
        """One line for each setting that variables of an earlier trader say, which are not read, and none of ours."""
        names: dict[str, list[str]] = {}
        for name, origin in sorted(self._unread.items()):
            ours = self.said.get(UNREAD[name])
            if ours is None or ours.layer < Layer.DOTENV:
                place = name if origin.layer is Layer.VARIABLE else f"{name} ({origin.name})"
                names.setdefault(UNREAD[name], []).append(place)
        return [
            f"{', '.join(found)}: not read here; say {as_variable(tuple(dotted.split('.')))}"
            for dotted, found in names.items()
        ]

    @property
    def mistakes(self) -> list[str]:
        """One line each, by file or variable, then by line."""
        return sorted(self._mistakes, key=_in_order)

    # -- layers ------------------------------------------------------------------------------------------------------

    def read_file(self, file: Path, layer: Layer) -> None:
        try:
            text = _read_text(file)
            tables = _parse(file, text)
        except _Unreadable as error:
            self._mistakes.add(str(error))
            return
        self.files.append(file)
        origin = Origin(layer, str(file), file.parent, text)
        for section, table in tables.items():
            if section not in Settings.model_fields:
                self._wrong(origin, (section,), unknown_key((section,), Settings))
            elif not isinstance(table, dict):
                self._wrong(origin, (section,), f"{section} is a table; write [{section}] and its keys")
            else:
                self._sections.setdefault(section, origin)
                for key, value in table.items():
                    self.put(f"{section}.{key}", value, origin)

    def read_dotenv(self, folder: Path) -> None:
        try:
            found = read_dotenv(folder)
        except DotenvError as error:
            self._mistakes.add(str(error))
            return
        if found is None:
            return
        self.files.append(found.file)
        first: dict[str, int] = {}
        for said in found.lines:
            origin = Origin(Layer.DOTENV, f"{found.file}:{said.line}", folder)
            if said.value is None:
                self._wrong(origin, (), "is no assignment; write NAME=value, and close a quote on its line")
                continue
            if said.name.upper().startswith(PREFIX) and first.setdefault(said.name, said.line) != said.line:
                self._wrong(origin, (), f"{said.name} is said on line {first[said.name]} already; keep one of them")
            self._variable(said.name, said.value, origin)
        self._refuse_open_secrets(found)

    def read_variables(self, environment: Mapping[str, str]) -> None:
        for name in sorted(environment):
            self._variable(name, environment[name], Origin(Layer.VARIABLE, f"environment variable {name}"))

    def read_overlay(self, main: Path) -> None:
        """``autotrader.<environment>.toml`` beside the file; to be called when all else has been read."""
        for other in sorted(main.parent.glob(f"{main.stem}.*{main.suffix}")):
            word = other.name.removeprefix(f"{main.stem}.").removesuffix(main.suffix)
            close = None if word in ENVIRONMENTS else did_you_mean(word, ENVIRONMENTS)
            if close is not None:
                meant = f"{main.stem}.{close}{main.suffix}"
                self._mistakes.add(f"{other}: no environment is called {word}; did you mean {meant}?")
        chosen = self._tables.get("kalshi", {}).get("environment", Settings().kalshi.environment)
        overlay = main.with_name(f"{main.stem}.{chosen}{main.suffix}")
        if chosen in ENVIRONMENTS and overlay.exists():
            self.read_file(overlay, Layer.OVERLAY)

    def put(self, dotted: str, value: object, origin: Origin) -> None:
        """A value for a key; kept unless a stronger layer has said one."""
        section, _, key = dotted.partition(".")
        found = field_at((section, key))
        if found is None:
            self._wrong(origin, (section, key), unknown_key((section, key), Settings))
        elif is_secret(found) and origin.layer not in (Layer.DOTENV, Layer.VARIABLE):
            self._wrong(origin, (section, key), messages.secret_here(dotted, as_variable((section, key))))
        elif origin.layer is Layer.OVERLAY and dotted in CONSENTS:
            self._wrong(origin, (section, key), messages.consent_in_overlay(dotted))
        elif dotted not in self.said or self.said[dotted].layer <= origin.layer:
            self._sections.setdefault(section, origin)
            self._tables.setdefault(section, {})[key] = value
            self.said[dotted] = origin

    # -- the end -----------------------------------------------------------------------------------------------------

    def settings(self) -> Settings | None:
        """The settings; None when there is any mistake."""
        try:
            settings = Settings.model_validate(self._tables)
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                path = tuple(str(step) for step in problem["loc"])
                origin = self.said.get(".".join(path[:2])) or self._sections.get(path[0])
                self._wrong(origin, path, explain(problem, Settings))
            return None
        return None if self._mistakes else self._placed(settings)

    def _placed(self, settings: Settings) -> Settings:
        """The settings with relative paths made to start where they were said."""
        changed = {}
        for name in Settings.model_fields:
            section = getattr(settings, name)
            moved = {key: self._moved(f"{name}.{key}", value) for key, value in section}
            moved = {key: value for key, value in moved.items() if value != getattr(section, key)}
            if moved:
                changed[name] = section.model_copy(update=moved)
        return settings.model_copy(update=changed)

    def _moved(self, dotted: str, value: object) -> object:
        origin = self.said.get(dotted)
        folder = self._folder if origin is None else origin.folder
        return value if folder is None else _join(folder, value)

    # -- variables ---------------------------------------------------------------------------------------------------

    def _variable(self, name: str, text: str, origin: Origin) -> None:
        if name in UNREAD and text:
            self._unread[name] = origin
        if not name.upper().startswith("AUTOTRADER_") or name in NO_SETTINGS:
            return
        path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        path = OTHER_NAMES.get(path, path)
        found = field_at(path) if name == name.upper() and name.startswith(PREFIX) else None
        if found is not None:
            self._put_variable(name, ".".join(path), from_text(text, found), origin)
        elif name == as_variable(DATABASE_URL):
            self._store_at(name, text, origin)
        elif wrong := _no_such_variable(name, path):
            self._wrong(origin, (), wrong)

    def _store_at(self, name: str, text: str, origin: Origin) -> None:
        try:
            keys = store_at(text)
        except ValueError as error:
            self._wrong(origin, (), f"{name} {error}")
            return
        for key, value in keys.items():
            self._put_variable(name, f"store.{key}", value, origin)

    def _put_variable(self, name: str, dotted: str, value: object, origin: Origin) -> None:
        """Two variables of one layer that say one key would leave it to chance which of them counts."""
        first = self._said_as.setdefault((origin.layer, dotted), name)
        if first != name:
            self._wrong(origin, (), f"{name} and {first} both say {dotted}; keep one of them")
        self.put(dotted, value, origin)

    def _refuse_open_secrets(self, found: Dotenv) -> None:
        """Only where a secret is said: some mounts show every file as open, and there nothing else is at stake."""
        if not found.open_to_others:
            return
        for said in found.lines:
            path = tuple(said.name.removeprefix(PREFIX).lower().split("__"))
            key = field_at(path)
            secret = is_secret(key) if key is not None else path == DATABASE_URL and has_password(said.value or "")
            if said.value and secret:
                self._mistakes.add(
                    f"{found.file}:{said.line}: others may use this file (mode {found.mode}), and it says {said.name}; "
                    f"run `chmod 600 {found.file}`"
                )

    def _wrong(self, origin: Origin | None, path: tuple[str, ...], text: str) -> None:
        self._mistakes.add(f"{origin.place(path) if origin else 'settings'}: {text}")


class _Unreadable(Exception):
    """A file of settings that cannot be read; the text is the mistake."""


def _read_text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise _Unreadable(f"{file}: no such file; without a settings file the defaults are used") from None
    except OSError as error:
        raise _Unreadable(f"{file}: cannot be read: {error.strerror or error}") from None
    if len(data) > LARGEST_BYTES:
        raise _Unreadable(f"{file}: larger than {LARGEST_BYTES >> 20} MiB, so it is no settings file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _Unreadable(f"{file}:{line}: not UTF-8 text; save the file as UTF-8") from None


def _parse(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise _Unreadable(_syntax_error(file, text, str(error))) from None


def _syntax_error(file: Path, text: str, message: str) -> str:
    """``file:line:column: what``, from the parser's ``what (at line 3, column 5)``."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message, re.DOTALL)
    what, line, column = found.groups() if found else (message, None, None)
    place = f"{file}:{line}:{column}" if line else f"{file}:{text.rstrip().count(chr(10)) + 1}"
    return f"{place}: not TOML: {what[:1].lower()}{what[1:]}"


def _in_order(mistake: str) -> tuple[str, int]:
    """By file or variable, then by line as a number."""
    place, _, line = mistake.partition(": ")[0].rpartition(":")
    return (place, int(line)) if line.isdigit() else (mistake, 0)


def _no_such_variable(name: str, path: tuple[str, ...]) -> str | None:
    """What is wrong with a variable that is no setting; None when it is not meant for us.

    ``AUTOTRADER_KALSHI_ENVIRONMENT`` or small letters would otherwise be passed over in silence.
    """
    if name.startswith(PREFIX) and name == name.upper():
        return unknown_key(path, Settings, as_variable)
    words = re.sub(r"_+", "_", name.lower()).removeprefix("autotrader_")
    for section in Settings.model_fields:
        key = (section, words.removeprefix(f"{section}_"))
        if words.startswith(f"{section}_") and field_at(key) is not None:
            return f"{name} is no setting; did you mean {as_variable(key)}?"
    if name.upper().startswith(PREFIX):
        return f"{name} is no setting; write {PREFIX}SECTION__KEY, in capitals"
    return None


def _join(folder: Path, value: object) -> object:
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, list):
        return [_join(folder, item) for item in value]
    return value
