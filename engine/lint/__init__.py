"""Lint: mistakes that a rule file can show before it runs. One small file a check; renderers beside them."""
