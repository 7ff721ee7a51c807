"""Fair probabilities from public trades: what they are made of, what fits them, and how far they are believed.

``docs/signals.md`` has the formulas with their sources.
"""
