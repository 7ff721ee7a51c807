"""A run on a venue, on paper and with real orders, from its consents to its closing note."""
