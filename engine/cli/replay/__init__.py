"""``engine replay``: a capture or a kept run, decided again."""
