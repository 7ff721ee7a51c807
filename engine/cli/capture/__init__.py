"""``engine capture``: what a feed tells, kept in a file."""
