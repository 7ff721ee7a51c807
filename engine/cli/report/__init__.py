"""``engine report``: the reports, and what they are made of."""
