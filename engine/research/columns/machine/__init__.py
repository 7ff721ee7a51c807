"""The sequential part of a run, compiled: paper broker, portfolio, exits, entries, guards, tick by tick.

Every module here is plain Python in the subset that Numba compiles, over arrays of records (``layout``). It says the
same as ``engine.decide`` and ``connectors.paper``, with integers where those use Decimals; a property test holds both
to the same decisions, fills and equity, bit for bit.
"""
