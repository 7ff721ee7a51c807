"""``engine pipeline``: the steps of a round, and how they are done."""
