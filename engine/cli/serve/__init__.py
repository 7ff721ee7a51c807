"""``engine serve``: the service, and the desk behind it."""
