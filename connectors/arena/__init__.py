"""The arena leaderboard: fetched, checked, settled as the contracts settle, and turned into fair probabilities."""
