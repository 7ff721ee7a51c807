"""``engine features``."""
