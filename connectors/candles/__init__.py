"""Recorded prices of Kalshi markets that came without books: minute candles (CSV) and quotes (JSON), both in cents.

What such data does not tell stays unknown. docs/backtesting.md says what it tells.
"""
