"""Public trades of a venue of contracts: from files, and from the venue's own list."""
