"""The version, which the build reads from here. ``engine --version`` imports nothing else, so that it is quick."""

__version__ = "0.1.0"
