"""The REST side: one function per endpoint, and the table that names their paths, scopes and costs."""
