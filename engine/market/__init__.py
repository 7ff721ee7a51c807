"""The nouns of trading: instruments, bars, quotes, orders, fills, positions, accounts, time.

Nothing here does I/O or knows of rules. Money, prices and quantities are ``Decimal`` in orders, fills and
the ledger; market data (bars, quotes) are floats because they only ever feed features.
"""
