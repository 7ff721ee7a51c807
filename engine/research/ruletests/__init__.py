"""Unit tests of rules (``kind: test``): a small world from the document, the real decider, and what was expected.

What a test's world does between ticks: entries that fire are recorded and never fill, so that each tick is judged
alone; a test that needs a position gives one. Orders that reduce the given position fill at once at the last price.
``position.at_entry`` of a given position takes the first known value.
"""
