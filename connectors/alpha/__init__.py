"""Signals that others made: a file of tickers with fair probabilities, watched while an engine runs."""
