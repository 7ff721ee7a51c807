"""``engine simulate``: practice venues, each in its module."""
