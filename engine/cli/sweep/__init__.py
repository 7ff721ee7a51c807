"""``engine sweep``: the verb, its workers and its ledger."""
