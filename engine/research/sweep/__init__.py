"""Sweeps: many parameter sets over the same data, chosen on its past and looked at once on what was held back."""
