"""What can be wrong with a store."""

from __future__ import annotations


class StoreError(Exception):
    """A store that cannot be used, or something that it does not have. The text names the file and the mend."""


class TakenError(StoreError):
    """Another engine has the store."""


class StoreUnreachableError(StoreError):
    """A database that cannot be reached, or is no longer: with its server up again, the same may go well."""
