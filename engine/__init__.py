"""Autotrader: a trading engine whose rules are files."""

__version__ = "0.1.0"
