"""Tradier: equities and options by REST and streams. Facts and their sources are in ``docs/tradier.md``."""
