"""What makes the practice exchange live: simulated traders, recorded tapes, results, and the passing of time."""
