"""Takes secrets out of what is told to others."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote, urlsplit

STARS = "***"
SHORTEST = 6  # shorter parts are words and ports, and stars in their place would only hide the text


class Redactor:
    """``secrets`` are texts that must appear nowhere, such as keys; of ``urls`` the whole and every part that could
    open anything: user, password, path and query."""

    def __init__(self, secrets: Iterable[str] = (), urls: Iterable[str] = ()) -> None:
        parts = {secret for secret in secrets if secret}
        for url in urls:
            parts |= {url, *(part for part in _parts(url) if len(part) >= SHORTEST)}
        self._parts = sorted(parts, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text with stars in place of every secret."""
        for part in self._parts:
            text = text.replace(part, STARS)
        return text


def _parts(url: str) -> set[str]:
    split = urlsplit(url)
    authority = split.netloc.rpartition("@")
    # Many targets put a token where a web address has its host, so that the host counts, too.
    found = [split.path.strip("/"), *split.path.split("/"), *authority[0].split(":"), *authority[2].split(":")]
    found += [value for _, value in parse_qsl(split.query)]
    return {part for one in found for part in (one, unquote(one)) if part not in _HARMLESS}


_HARMLESS = frozenset({"localhost", "127.0.0.1", "webhooks", "discord.com", "discordapp.com", "hooks.slack.com"})
