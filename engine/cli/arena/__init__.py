"""``engine arena``: the leaderboard, verb by verb."""
