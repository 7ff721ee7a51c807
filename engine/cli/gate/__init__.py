"""``engine gate``, and what the store has to show for a pack."""
