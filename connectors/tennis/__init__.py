"""Tennis markets: an archive of players and matches, who a market speaks of, and what a model says of the match."""
