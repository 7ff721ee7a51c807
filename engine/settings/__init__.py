"""The one configuration file, ``autotrader.toml``: its model, its loader and its JSON Schema.

Every key has a default, so a missing file is a paper run on simulated data; the file at the root of the project is
those defaults with comments.
"""

from engine.settings.load import LoadedSettings, SettingsError, load_settings, read_settings
from engine.settings.models import Settings

__all__ = ["LoadedSettings", "Settings", "SettingsError", "load_settings", "read_settings"]
