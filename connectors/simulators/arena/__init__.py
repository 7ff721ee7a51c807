"""A practice leaderboard on loopback: recorded tables one after the other, as the pages that the site shows."""
