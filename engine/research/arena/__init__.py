"""How good forecasts of who leads a leaderboard are, judged on what came after."""
