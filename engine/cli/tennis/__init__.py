"""``engine tennis``: the archive and the model, verb by verb."""
