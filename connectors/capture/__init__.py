"""Captures: everything that a live feed tells, kept in a file that survives a kill and can be decided on again.

The byte layout is in docs/capture.md. ``frames`` knows bytes, ``records`` what they mean, ``writer`` and ``reader``
files, ``source`` makes ticks of them.
"""
