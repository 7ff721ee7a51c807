"""``engine signals``: signal files, verb by verb."""
