"""What a tennis match will bring: ratings of players, a model on top of them, and how good both were, walk-forward."""
