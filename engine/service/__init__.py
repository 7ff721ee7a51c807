"""The HTTP service: routes, tokens, limits and metrics over a ``Desk``. Knows no connector and no store."""
