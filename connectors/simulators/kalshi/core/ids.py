"""Identifiers that look like UUIDs and follow from a seed, so that a run can be repeated."""

from __future__ import annotations

from hashlib import blake2b


class Ids:
    """Call it for the next one; ``of`` gives the same one for the same words."""

    def __init__(self, seed: int) -> None:
        self._seed = str(seed)
        self._count = 0

    def __call__(self) -> str:
        self._count += 1
        return self.of("next", str(self._count))

    def of(self, *words: str) -> str:
        digest = blake2b("\x1f".join((self._seed, *words)).encode(), digest_size=16).hexdigest()
        # Version 5, variant 1: what readers that check UUIDs expect of one made from a name.
        variant = "89ab"[int(digest[16], 16) & 3]
        return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:]}"
