"""Reads the layers of settings; the later wins, and every mistake of every layer is named at once.

From the weakest: the defaults, ``autotrader.toml``, ``autotrader.<environment>.toml`` beside it, ``.env`` beside it,
``AUTOTRADER__SECTION__KEY`` variables, the command line.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.settings.draft import Draft
from engine.settings.models import Settings
from engine.settings.origin import Layer, Origin

FILE_NAME = "autotrader.toml"


class SettingsError(Exception):
    """Settings that cannot be used. One line a mistake: the file and line (or the variable), the key and the mend."""

    @property
    def mistakes(self) -> list[str]:
        return str(self).splitlines()


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings, the main file (None: there is none), all files read, and who said each key that is no default.

    ``hints``: variables that an earlier trader read and that are not read here, one line each with what to write.
    """

    settings: Settings
    file: Path | None
    files: tuple[Path, ...]
    said: Mapping[str, Origin]
    hints: tuple[str, ...]

    @property
    def origins(self) -> dict[str, str]:
        """Where each key that is no default was said, by dotted key: ``{"paper.cash": "autotrader.toml:3"}``."""
        return {key: origin.place(key.split(".")) for key, origin in sorted(self.said.items())}


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
    """Settings from ``path`` (None: ``autotrader.toml`` here, or the defaults when there is none) and the layers above.

    ``overrides`` are options of the command line by dotted key (``{"market.seed": 3}``; None means not given).
    Relative paths of a file, and of the defaults, start at the folder of the file; those of variables and overrides
    start at the working directory. Raises SettingsError that lists every mistake.
    """
    file = _file(path)
    folder = file.parent if file is not None else Path()
    draft = Draft(folder if file is not None else None)
    if file is not None:
        draft.read_file(file, Layer.FILE)
    draft.read_dotenv(folder)
    draft.read_variables(os.environ if environment is None else environment)
    for dotted, value in (overrides or {}).items():
        if value is not None:
            draft.put(dotted, value, Origin(Layer.FLAG, "command line"))
    draft.read_overlay(file or Path(FILE_NAME))
    settings = draft.settings()
    if settings is None:
        raise SettingsError("\n".join(draft.mistakes))
    return LoadedSettings(settings, file, tuple(draft.files), draft.said, tuple(draft.hints))


def _file(path: Path | None) -> Path | None:
    if path is not None:
        return path / FILE_NAME if path.is_dir() else path
    return Path(FILE_NAME) if Path(FILE_NAME).exists() else None
